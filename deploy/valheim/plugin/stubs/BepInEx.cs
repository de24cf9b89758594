// Stand-ins for the members of BepInEx 5 that the plugin uses.
using System;
using System.Collections.Generic;
using System.IO;
using BepInEx.Logging;

[assembly: System.Reflection.AssemblyVersion("5.4.0.0")]

namespace BepInEx
{
    [AttributeUsage(AttributeTargets.Class)]
    public class BepInPlugin : Attribute
    {
        public string GUID { get; protected set; }
        public string Name { get; protected set; }
        public Version Version { get; protected set; }

        public BepInPlugin(string GUID, string Name, string Version)
        {
            this.GUID = GUID;
            this.Name = Name;
            this.Version = new Version(Version);
        }
    }

    public static class Paths
    {
        public static string ManagedPath
        {
            get { return AppDomain.CurrentDomain.BaseDirectory; }
        }

        public static string PatcherPluginPath
        {
            get { return Path.Combine(ManagedPath, "patchers"); }
        }
    }

    public class PluginInfo
    {
        public BepInPlugin Metadata { get; set; }
    }

    public abstract class BaseUnityPlugin : UnityEngine.MonoBehaviour
    {
        protected ManualLogSource Logger { get; } = new ManualLogSource();
    }
}

namespace BepInEx.Bootstrap
{
    public static class Chainloader
    {
        public static Dictionary<string, PluginInfo> PluginInfos { get; } = new Dictionary<string, PluginInfo>();
    }
}

namespace BepInEx.Logging
{
    public class ManualLogSource
    {
        public void LogInfo(object data)
        {
            Write("Info", data);
        }

        public void LogWarning(object data)
        {
            Write("Warning", data);
        }

        public void LogError(object data)
        {
            Write("Error", data);
        }

        /// <summary>For the host: true if the log blocks, as with a hanging disk.</summary>
        public static volatile bool Stalls;

        static void Write(string level, object data)
        {
            while (Stalls)
                System.Threading.Thread.Sleep(10);
            Console.Error.WriteLine("[{0}] {1}", level, data);
        }
    }
}
