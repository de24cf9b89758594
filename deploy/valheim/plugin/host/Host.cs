// Simulates the game for the plugin: loads it like BepInEx, loads a world, and calls Update in every frame.
//
//   mono host.exe PLUGIN.dll
//
// VWE_HOST_PLUGINS names other loaded plugins, VWE_HOST_FAULTS the faults from the first frame on. A line on
// standard input adds a fault later: NAME or NAME=NUMBER. Exit code 9: the plugin has changed the game's random state.
using System;
using System.Linq;
using System.Reflection;
using System.Threading;
using BepInEx;
using BepInEx.Bootstrap;
using UnityEngine;

static class Host
{
    static volatile bool _stalls;
    static volatile bool _steals;

    static int Main(string[] arguments)
    {
        MainThread.Thread = Thread.CurrentThread;
        var plugin = Load(arguments[0]);
        foreach (var guid in Words("VWE_HOST_PLUGINS"))
            Chainloader.PluginInfos[guid] = new PluginInfo { Metadata = new BepInPlugin(guid, guid, "1.2.3") };
        Call(plugin, "Awake");
        ZNet.Load(new World("boot", "boot") { m_seed = 4711 });
        WorldGenerator.instance.GenerateSectors();
        ZoneSystem.instance.GenerateLocations();
        foreach (var fault in Words("VWE_HOST_FAULTS"))
            Set(fault);
        ZoneSystem.instance.SetupLocations();
        new Thread(ReadFaults) { IsBackground = true }.Start();
        UnityEngine.Random.State? random = null;
        while (!Application.QuitCode.HasValue)
        {
            ZoneSystem.instance.Update();
            if (_steals)
            {
                random = null;
                _steals = false;
                ZNet.Load(new World("stolen", "stolen"));
            }
            if (random == null && ZoneSystem.instance.HasStarted)
                random = UnityEngine.Random.state;
            Call(plugin, "Update");
            if (random != null && !random.Value.Equals(UnityEngine.Random.state))
                return 9;
            if (_stalls)
                Stall();
            Thread.Sleep(5);
        }
        Call(plugin, "OnDestroy");
        return Application.QuitCode.Value;
    }

    // Printed by the stalling thread, which does nothing from here on.
    static void Stall()
    {
        Console.Error.WriteLine("[Host] stall");
        while (_stalls)
            Thread.Sleep(10);
    }

    static object Load(string path)
    {
        var type = Assembly.LoadFrom(path).GetTypes().Single(has => typeof(BaseUnityPlugin).IsAssignableFrom(has));
        var metadata = (BepInPlugin)Attribute.GetCustomAttribute(type, typeof(BepInPlugin));
        Chainloader.PluginInfos[metadata.GUID] = new PluginInfo { Metadata = metadata };
        return Activator.CreateInstance(type);
    }

    static void Call(object plugin, string method)
    {
        plugin.GetType().GetMethod(method, BindingFlags.Instance | BindingFlags.NonPublic).Invoke(plugin, null);
    }

    static string[] Words(string variable)
    {
        return (Environment.GetEnvironmentVariable(variable) ?? "").Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries);
    }

    static void ReadFaults()
    {
        string line;
        while ((line = Console.ReadLine()) != null)
            Set(line);
    }

    static void Set(string fault)
    {
        var parts = fault.Split('=');
        switch (parts[0])
        {
            case "stall": _stalls = true; return;
            case "go_on": _stalls = false; break;
            case "stall_log": BepInEx.Logging.ManualLogSource.Stalls = true; break;
            case "stall_in_switch": Faults.StallInSwitch = true; break;
            case "throw_in_switch": Faults.ThrowInSwitch = true; break;
            case "throw_in_sampling": Faults.ThrowInSampling = true; break;
            case "steal": _steals = true; break;
            case "drift": Faults.Drift = 1u; break;
            case "wrong_seed": Faults.WrongSeed = true; break;
            case "no_number": Faults.NoNumber = true; break;
            case "no_names": Faults.NoNames = true; break;
            case "long_names": Faults.NameLength = int.Parse(parts[1]); break;
            case "starve_locations": Faults.StarveLocations = true; break;
            case "slow_switch": Faults.SwitchMilliseconds = int.Parse(parts[1]); break;
            case "slow": Faults.SlowMilliseconds = int.Parse(parts[1]); break;
            default: throw new ArgumentException("Unknown fault " + fault);
        }
        Console.Error.WriteLine("[Host] " + fault);
    }
}
