using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using BepInEx;
using BepInEx.Bootstrap;
using UnityEngine;

namespace Vwe.Engine
{
    internal delegate string VersionText(object of);

    /// <summary>The game, its assembly's hash, its loader and all plugins.</summary>
    internal sealed class Facts
    {
        public const string GameAssembly = "assembly_valheim";

        readonly List<BepInPlugin> _plugins = new List<BepInPlugin>();
        readonly string[] _patchers = Patchers();
        readonly Binder _game;

        public readonly string GameVersion;
        readonly string _assemblyHash;
        readonly string _unityVersion;

        public Facts(Binder binder)
        {
            _game = binder;
            _unityVersion = Application.unityVersion;
            _assemblyHash = HashOf(Path.Combine(Paths.ManagedPath, GameAssembly + ".dll"));
            var version = binder.Method<VersionText>(binder.Type("Version"), "GetVersionString");
            GameVersion = version == null ? null : version(null);
            foreach (var plugin in Chainloader.PluginInfos.Values)
                _plugins.Add(plugin.Metadata);
            _plugins.Sort((one, other) => string.CompareOrdinal(one.GUID, other.GUID));
        }

        /// <summary>
        /// The plugins that are neither this one nor allowed. Any of them may change the generation of worlds, and so may a
        /// patcher: it changes assemblies in memory, which their hash does not show.
        /// </summary>
        public List<string> Foreign(string[] allowed)
        {
            var guids = _plugins.ConvertAll(plugin => plugin.GUID);
            guids.AddRange(_patchers);
            return guids.FindAll(guid => guid != EnginePlugin.Guid && Array.IndexOf(allowed, guid) < 0);
        }

        public void Write(JsonWriter json)
        {
            json.BeginObject();
            json.Member("assembly_sha256", _assemblyHash).Member("unity_version", _unityVersion);
            json.Member("loader_version", typeof(BaseUnityPlugin).Assembly.GetName().Version.ToString());
            json.Name("plugins").BeginArray();
            foreach (var plugin in _plugins)
            {
                json.BeginObject();
                json.Member("guid", plugin.GUID).Member("name", plugin.Name).Member("version", plugin.Version.ToString());
                json.EndObject();
            }
            foreach (var patcher in _patchers)
            {
                json.BeginObject();
                json.Member("guid", patcher).Member("name", "patcher").Member("version", "");
                json.EndObject();
            }
            json.EndArray();
            json.Name("missing").BeginArray();
            foreach (var member in _game.Missing)
                json.Value(member);
            json.EndArray();
            json.EndObject();
        }

        static string[] Patchers()
        {
            if (!Directory.Exists(Paths.PatcherPluginPath))
                return new string[0];
            var files = Directory.GetFiles(Paths.PatcherPluginPath, "*.dll", SearchOption.AllDirectories);
            var names = Array.ConvertAll(files, Path.GetFileName);
            Array.Sort(names, string.CompareOrdinal);
            return names;
        }

        static string HashOf(string path)
        {
            using (var file = File.OpenRead(path))
            using (var hash = SHA256.Create())
                return Packed.Hex(hash.ComputeHash(file));
        }
    }
}
