using System;
using System.IO;
using System.Reflection;
using System.Threading;
using BepInEx;
using UnityEngine;

namespace Vwe.Engine
{
    /// <summary>
    /// Turns a running Valheim dedicated server into an engine: starts the HTTP server when the game loads the plugin, is ready
    /// once the game has its world, and runs the work of other threads in every frame.
    /// </summary>
    [BepInPlugin(Guid, "VWE engine", Version)]
    public sealed class EnginePlugin : BaseUnityPlugin
    {
        public const string Guid = "vwe.engine";
        public const string Version = "0.1.0";

        Settings _settings;
        MainThread _mainThread;
        Binder _binder;
        Maker _maker;
        LocationTable _locationTable;
        Facts _facts;
        Jobs _jobs;
        HttpServer _server;
        bool _hasLookedAround;
        bool _hasBooted;
        bool _isQuitting;

        void Awake()
        {
            try
            {
                _settings = Settings.Read(Environment.GetEnvironmentVariables());
                _mainThread = new MainThread(_settings.FrameBudgetSeconds);
                _binder = new Binder(Game());
                _maker = new Maker(_binder, _mainThread, _settings);
                _locationTable = new LocationTable(_binder);
                _jobs = new Jobs(_maker, _settings, Logger.LogInfo);
                _server = HttpServer.Start(_settings, new Calls(_jobs, _locationTable), Logger.LogInfo);
            }
            catch (Exception error)
            {
                Logger.LogError(error is SettingsException ? error.Message : error.ToString());
                Quit(2);
            }
        }

        void Update()
        {
            if (_isQuitting)
                return;
            if (!_hasBooted)
                Boot();
            _mainThread.Pump();
            var why = _jobs.WhyExit();
            if (why == null)
                return;
            Logger.LogInfo(why);
            Quit(0);
        }

        void OnDestroy()
        {
            if (_server != null)
                _server.Stop();
        }

        /// <summary>Checks the loaded plugins in the first frame, when all are loaded; then waits for the game's world.</summary>
        void Boot()
        {
            try
            {
                if (!_hasLookedAround)
                {
                    _hasLookedAround = true;
                    LookAround();
                }
                if (!_maker.CanSwitch || !_maker.HasBooted())
                    return;
                _hasBooted = true;
                ReadLocationTable();
                new Thread(GetReady) { IsBackground = true, Name = "vwe boot" }.Start();
            }
            catch (Exception error)
            {
                _hasBooted = true;
                Logger.LogError(error.ToString());
                _jobs.Break($"The game failed while the plugin initialized: {error.Message}.");
            }
        }

        void LookAround()
        {
            _facts = new Facts(_binder);
            _jobs.Know(_facts);
            foreach (var member in _binder.Missing)
                Logger.LogWarning($"The game has no {member}.");
            var foreign = _facts.Foreign(_settings.AllowedPlugins);
            if (foreign.Count > 0)
                _jobs.Break($"Plugins that may change worlds are loaded: {string.Join(", ", foreign.ToArray())}. "
                    + $"Remove them, or allow them in {Settings.Prefix}ALLOW_PLUGINS.");
            else if (!_maker.CanSwitch)
                _jobs.Break("This version of the game lacks members that are needed to generate worlds; the status lists them.");
        }

        void ReadLocationTable()
        {
            var why = _locationTable.Read(_facts.GameVersion, _facts.Foreign(new string[0]));
            if (why != null)
                Logger.LogWarning(why);
        }

        void GetReady()
        {
            try
            {
                var why = _settings.RegeneratesLocations ? _maker.TryLocations() : null;
                if (why != null)
                {
                    _binder.Miss($"locations: {why}");
                    Logger.LogWarning($"Locations are not offered: {why}.");
                }
                _jobs.BecomeReady();
            }
            catch (Exception error)
            {
                Logger.LogError(error.ToString());
                _jobs.Break($"The trial of locations failed: {error.Message}.");
            }
        }

        void Quit(int code)
        {
            _isQuitting = true;
            Application.Quit(code);
        }

        static Assembly Game()
        {
            try
            {
                return Assembly.Load(Facts.GameAssembly);
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}
