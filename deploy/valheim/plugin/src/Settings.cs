using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.RegularExpressions;

namespace Vwe.Engine
{
    /// <summary>The engine's settings from the environment: address, token, and use of the machine.</summary>
    internal sealed class Settings
    {
        public const string Prefix = "VWE_ENGINE_";

        public string Host;
        public int Port;
        public string Token;
        public string Name;
        public double? IdleExitSeconds;
        public string[] AllowedPlugins;
        public int Workers;
        public double FrameBudgetSeconds;
        public double StopSeconds;
        public bool RegeneratesLocations;

        static readonly Regex TokenForm = new Regex(@"^[A-Za-z0-9._~+/=-]{16,256}\z");
        static readonly Regex ListenForm = new Regex(@"^([^\s:/]+):([0-9]{1,5})\z");

        /// <summary>Reads the settings.</summary>
        /// <exception cref="SettingsException">A setting is unknown or invalid; the message names it and the reason.</exception>
        public static Settings Read(IDictionary environment)
        {
            var given = new Dictionary<string, string>();
            foreach (DictionaryEntry entry in environment)
            {
                var variable = (string)entry.Key;
                var text = ((string)entry.Value).Trim();
                if (variable.StartsWith(Prefix, StringComparison.Ordinal) && text != "")
                    given[variable.Substring(Prefix.Length)] = text;
            }
            var settings = new Settings();
            settings.ReadAddress(Take(given, "LISTEN", "127.0.0.1:8471"));
            settings.ReadToken(Take(given, "TOKEN", null), Take(given, "TOKEN_FILE", null));
            settings.Name = Take(given, "NAME", "");
            var minutes = Take(given, "IDLE_EXIT_MINUTES", null);
            if (minutes != null)
                settings.IdleExitSeconds = 60 * Number("IDLE_EXIT_MINUTES", minutes, 1e-3, 1e6);
            var allowed = Take(given, "ALLOW_PLUGINS", "").Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries);
            settings.AllowedPlugins = Array.ConvertAll(allowed, name => name.Trim());
            var cores = Math.Max(1, Environment.ProcessorCount - 1);
            settings.Workers = (int)Number("WORKERS", Take(given, "WORKERS", cores.ToString(CultureInfo.InvariantCulture)), 1, 64);
            settings.FrameBudgetSeconds = Number("FRAME_MS", Take(given, "FRAME_MS", "20"), 1, 1000) / 1000;
            settings.StopSeconds = Number("STOP_S", Take(given, "STOP_S", "10"), 0.1, 600);
            settings.ReadLocations(Take(given, "LOCATIONS", "off"));
            foreach (var unknown in given.Keys)
                throw new SettingsException($"{Prefix}{unknown} is not a setting of the engine; unset it.");
            return settings;
        }

        void ReadAddress(string text)
        {
            var match = ListenForm.Match(text);
            if (!match.Success || !int.TryParse(match.Groups[2].Value, out Port) || Port > 65535)
                throw new SettingsException($"{Prefix}LISTEN is '{text}'; write HOST:PORT, as in 127.0.0.1:8471.");
            Host = match.Groups[1].Value;
        }

        void ReadToken(string token, string file)
        {
            if (token == null && file == null)
                throw new SettingsException($"An engine on TCP needs a token, so that only its pool can use it; name its file in {Prefix}TOKEN_FILE.");
            try
            {
                Token = file == null ? token : File.ReadAllText(file).Trim();
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                throw new SettingsException($"The token cannot be read from {file}: {error.Message}");
            }
            if (!TokenForm.IsMatch(Token))
                throw new SettingsException($"{Prefix}TOKEN or its file has no valid token; write 16 to 256 letters, digits and -._~+/= on one line.");
        }

        void ReadLocations(string text)
        {
            if (text != "off" && text != "regenerate")
                throw new SettingsException($"{Prefix}LOCATIONS is '{text}'; write off or regenerate.");
            RegeneratesLocations = text == "regenerate";
        }

        static string Take(IDictionary<string, string> given, string name, string otherwise)
        {
            if (!given.TryGetValue(name, out var text))
                return otherwise;
            given.Remove(name);
            return text;
        }

        static double Number(string name, string text, double least, double greatest)
        {
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= least && number <= greatest)
                return number;
            throw new SettingsException(string.Format(
                CultureInfo.InvariantCulture, "{0}{1} is '{2}'; write a number from {3} to {4}.", Prefix, name, text, least, greatest));
        }
    }

    internal sealed class SettingsException : Exception
    {
        public SettingsException(string message) : base(message) { }
    }
}
