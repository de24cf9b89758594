// Stand-ins for the members of assembly_valheim that the plugin uses, with a terrain that is cheap to compute: the
// tests compute it, too. As in the game, constructing a World draws a random number, Initialize draws many and empties the
// former generator, and locations are placed over several frames.
//
// LACKS_FOREST, LACKS_INITIALIZE and LACKS_TABLE simulate another version of the game, in which a member has another name.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Threading;
using UnityEngine;

public static class Version
{
    public static string GetVersionString(bool includeMercurialHash = false)
    {
        return "1.0.0-stand-in";
    }
}

public class World
{
    public string m_name;
    public string m_seedName;
    public int m_seed;
    public int m_worldGenVersion;
    public bool m_menu;
    public long m_uid;

    public World(string name, string seed)
    {
        m_name = name;
        m_seedName = seed;
        m_seed = seed.Length;
        m_worldGenVersion = 2;
        m_uid = (long)(UnityEngine.Random.value * 1e9);
    }
}

public class Heightmap
{
    [Flags]
    public enum Biome
    {
        None = 0,
        Meadows = 1,
        Swamp = 2,
        Mountain = 4,
        BlackForest = 8,
        Plains = 16,
        AshLands = 32,
        DeepNorth = 64,
        Ocean = 256,
        Mistlands = 512,
    }

    [Flags]
    public enum BiomeArea
    {
        Edge = 1,
        Median = 2,
        Everything = 3,
    }
}

public class WorldGenerator
{
    public class River
    {
        public Vector2 p0;
        public Vector2 p1;
        public float widthMin;
        public float widthMax;
        public float curveWidth;
        public float curveWavelength;
    }

    public struct RiverPoint
    {
        public Vector2 p;
        public float w;
        public float w2;
    }

    /// <summary>Prints a line whenever all points are read, which takes long in the game.</summary>
    class ToldPoints : Dictionary<Vector2i, RiverPoint[]>, IDictionary
    {
        ICollection IDictionary.Values
        {
            get
            {
                Console.Error.WriteLine("[Host] reading points of rivers");
                return Values;
            }
        }
    }

    static readonly Heightmap.Biome[] Biomes =
    {
        Heightmap.Biome.Meadows, Heightmap.Biome.Swamp, Heightmap.Biome.Mountain, Heightmap.Biome.BlackForest,
        Heightmap.Biome.Plains, Heightmap.Biome.DeepNorth, Heightmap.Biome.Ocean, Heightmap.Biome.Mistlands,
    };

    static WorldGenerator m_instance;

    World m_world;
    uint m_mix;
    List<Vector2> m_lakes = new List<Vector2>();
    List<River> m_rivers = new List<River>();
    List<River> m_streams = new List<River>();
    Dictionary<Vector2i, RiverPoint[]> m_riverPoints = new ToldPoints();

    public static WorldGenerator instance
    {
        get { return m_instance; }
    }

#if LACKS_INITIALIZE
    public static void InitializeWorld(World world)
#else
    public static void Initialize(World world)
#endif
    {
        MainThread.Require();
        if (m_instance != null)
            m_instance.m_world = null;
        if (Faults.SwitchMilliseconds > 0)
        {
            Console.Error.WriteLine("[Host] switching");
            Thread.Sleep(Faults.SwitchMilliseconds);
        }
        if (Faults.ThrowInSwitch)
            throw new InvalidOperationException("the switch failed on request");
        UnityEngine.Random.InitState(world.m_seed);
        m_instance = new WorldGenerator(world);
        if (Faults.StallInSwitch)
            Thread.Sleep(Timeout.Infinite);
    }

    WorldGenerator(World world)
    {
        m_world = world;
        m_mix = (uint)(world.m_seed + 1000003 * world.m_worldGenVersion) + Faults.Drift;
        for (var i = 0; i < 5; i++)
            m_lakes.Add(new Vector2(Faults.NoNumber ? float.NaN : 700.3f * i, m_mix % 1000u - 300.7f * i));
        for (var i = 0; i < 4; i++)
            m_rivers.Add(Course(new Vector2(-3000f + 1000f * i, m_mix % 1000u), new Vector2(-2500f + 1000f * i, m_mix % 1000u + 800f), 60f, 90f));
        for (var i = 0; i < 3; i++)
            m_streams.Add(Course(new Vector2(1500f * i, -2000f), new Vector2(1500f * i + 90f, -1900f), 20f, 20f));
        Draw(m_rivers);
        Draw(m_streams.GetRange(0, 2));
    }

    public int GetSeed()
    {
        return Faults.WrongSeed && m_world.m_name == "vwe" ? m_world.m_seed + 1 : m_world.m_seed;
    }

    public Heightmap.Biome GetBiome(float wx, float wy, float oceanLevel = 0.02f, bool waterAlwaysOcean = false)
    {
        if (m_world == null)
            throw new InvalidOperationException("this generator has been emptied");
        if (oceanLevel != 0.02f || waterAlwaysOcean)
            throw new InvalidOperationException("the defaults did not arrive");
        if (wy < -7000f)
            return Heightmap.Biome.AshLands;
        return Biomes[Mix(m_mix, (int)Math.Floor(wx / 1024f), (int)Math.Floor(wy / 1024f)) % 8];
    }

    public float GetBiomeHeight(Heightmap.Biome biome, float wx, float wy, out Color mask, bool preGeneration = false)
    {
        mask = new Color(0f, 0f, 0f, 0f);
        Faults.Dawdle();
        if (m_world == null || Faults.ThrowInSampling)
            throw new InvalidOperationException("the generator failed on request");
        if ((double)wx * wx + (double)wy * wy > 10500.0 * 10500.0)
            return -400f;
        var mixed = Mix(m_mix, (int)Math.Floor(wx), (int)Math.Floor(wy));
        mask.a = (biome == Heightmap.Biome.AshLands ? mixed >> 24 : 255u) / 256f;
        return (mixed & 0xffff) / 256f - 50f + (int)biome / 4f;
    }

#if LACKS_FOREST
    public static float GetForestDensity(Vector3 pos)
#else
    public static float GetForestFactor(Vector3 pos)
#endif
    {
        return (Mix(0u, (int)Math.Floor(pos.x), (int)Math.Floor(pos.z)) & 0xffff) / 32768f;
    }

    public void GenerateBiomePoints() { }

    public void GenerateSectors()
    {
        foreach (var altBiome in ZoneSystem.instance.m_altBiomes)
            altBiome.Sectors.Add(m_mix);
    }

    static uint Mix(uint seed, int x, int z)
    {
        unchecked
        {
            var mixed = seed * 0x9e3779b1u + (uint)x * 0x85ebca77u + (uint)z * 0xc2b2ae3du;
            mixed = (mixed ^ mixed >> 15) * 0x2c1b3c6du;
            mixed = (mixed ^ mixed >> 12) * 0x297a2d39u;
            return mixed ^ mixed >> 15;
        }
    }

    static River Course(Vector2 from, Vector2 to, float least, float greatest)
    {
        float dx = to.x - from.x, dz = to.y - from.y;
        var span = (float)Math.Sqrt(dx * dx + dz * dz);
        return new River { p0 = from, p1 = to, widthMin = least, widthMax = greatest, curveWidth = span / 15f, curveWavelength = span / 20f };
    }

    /// <summary>Draws rivers like the game, but with widths that a test can compute.</summary>
    void Draw(List<River> rivers)
    {
        foreach (var river in rivers)
        {
            float dx = river.p1.x - river.p0.x, dz = river.p1.y - river.p0.y;
            var span = (float)Math.Sqrt(dx * dx + dz * dz);
            dx /= span;
            dz /= span;
            var number = 0;
            for (var s = 0f; s <= span; s += river.widthMin / 8f)
            {
                var t = s / river.curveWavelength;
                var aside = (float)(Math.Sin(t) * Math.Sin(t * 0.634119987487793) * Math.Sin(t * 0.3341200053691864) * river.curveWidth);
                var width = Faults.NoNumber ? float.PositiveInfinity : river.widthMin + (river.widthMax - river.widthMin) * (number++ % 31) / 31f;
                Append(new RiverPoint { p = new Vector2(river.p0.x + dx * s - dz * aside, river.p0.y + dz * s + dx * aside), w = width, w2 = width * width });
            }
        }
    }

    void Append(RiverPoint point)
    {
        int x = (int)Math.Floor((point.p.x + 32f) / 64f), z = (int)Math.Floor((point.p.y + 32f) / 64f);
        for (var row = z - 1; row <= z + 1; row++)
            for (var column = x - 1; column <= x + 1; column++)
            {
                var cell = new Vector2i(column, row);
                RiverPoint[] has;
                var points = new List<RiverPoint>(m_riverPoints.TryGetValue(cell, out has) ? has : new RiverPoint[0]);
                points.Add(point);
                m_riverPoints[cell] = points.ToArray();
            }
    }
}

public class AltBiome
{
    public string m_name;
    public Heightmap.Biome m_biome;
    public int m_min;
    public int m_max;
#if LACKS_TABLE
    public float m_probability;
#else
    public float m_chance;
#endif
    public float m_minDistance;
    public int m_minEdge;
    public int m_maxEdge;
    public List<AltBiome> m_incompatible = new List<AltBiome>();
    public List<string> m_blockedLocations = new List<string>();
    public List<uint> Sectors = new List<uint>();
}

public class AltBiomeList
{
    public static AltBiomeList instance = new AltBiomeList();

    public List<AltBiome> m_altBiomes = Listed();

    static List<AltBiome> Listed()
    {
        var fog = new AltBiome
        {
            m_name = "Fog Meadows", m_biome = Heightmap.Biome.Meadows | Heightmap.Biome.BlackForest, m_min = 1, m_max = 3, m_minDistance = 500f,
            m_minEdge = 66, m_maxEdge = 199,
        };
        var dark = new AltBiome { m_name = "Dark Meadows", m_biome = Heightmap.Biome.Meadows, m_max = 2, m_maxEdge = 199 };
#if !LACKS_TABLE
        fog.m_chance = 0.2f;
        dark.m_chance = 1f;
#endif
        dark.m_incompatible.Add(fog);
        dark.m_blockedLocations.AddRange(new[] { "Farm", "Vendor_BlackForest" });
        return new List<AltBiome> { fog, dark };
    }
}

/// <summary>A prefab that is loaded on demand.</summary>
public struct SoftReference<T>
{
    readonly string m_name;

    public SoftReference(string name)
    {
        m_name = name;
    }

    public string Name
    {
        get { MainThread.Require(); return m_name; }
    }
}

public class ZNetPeer { }

public class ZNet
{
    public static ZNet instance = new ZNet();
    static World m_world;
    List<ZNetPeer> m_peers = new List<ZNetPeer>();

    public static World World
    {
        get { return m_world; }
    }

    /// <summary>For the host: loads the world of the server.</summary>
    public static void Load(World world)
    {
        m_world = world;
#if LACKS_INITIALIZE
        WorldGenerator.InitializeWorld(world);
#else
        WorldGenerator.Initialize(world);
#endif
    }
}

public class ZoneSystem
{
    public class ZoneLocation
    {
        public string m_name = "";
        public bool m_enable = true;
        public string m_prefabName;
        public SoftReference<UnityEngine.Object> m_prefab;
        public Heightmap.Biome m_biome;
        public Heightmap.BiomeArea m_biomeArea = Heightmap.BiomeArea.Everything;
        public int m_quantity;
        public bool m_prioritized;
        public bool m_centerFirst;
        public bool m_unique;
        public string m_group = "";
        public float m_minDistanceFromSimilar;
#if !LACKS_TABLE
        public string m_groupMax = "";
#endif
        public float m_maxDistanceFromSimilar;
        public float m_interiorRadius;
        public float m_exteriorRadius;
        public float m_minTerrainDelta;
        public float m_maxTerrainDelta = 2f;
        public float m_minimumVegetation;
        public float m_maximumVegetation = 1f;
        public bool m_surroundCheckVegetation;
        public float m_surroundCheckDistance = 20f;
        public int m_surroundCheckLayers = 2;
        public float m_surroundBetterThanAverage;
        public bool m_inForest;
        public float m_forestTresholdMin;
        public float m_forestTresholdMax = 1f;
        public float m_minDistance;
        public float m_maxDistance;
        public float m_minDistanceFromCenter;
        public float m_maxDistanceFromCenter;
        public float m_minAltitude = -1000f;
        public float m_maxAltitude = 1000f;
        public AltBiome m_altBiome;
    }

    public struct LocationInstance
    {
        public ZoneLocation m_location;
        public Vector3 m_position;
        public bool m_placed;
    }

    static readonly string[] Prefabs = { "StartTemple", "Eikthyrnir", "GDKing", "Vendor_BlackForest", "Vendor_BlackForest" };

    public static ZoneSystem instance = new ZoneSystem();

    public List<AltBiome> m_altBiomes = AltBiomeList.instance.m_altBiomes;
    public List<ZoneLocation> m_locations = new List<ZoneLocation>();
    public Dictionary<Vector2i, LocationInstance> m_locationInstances = new Dictionary<Vector2i, LocationInstance>();
    bool m_locationsGenerated;
    int _left;

    /// <summary>For the host: true if the first locations have been placed.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>For the host: collects the types of locations, like the game when it starts.</summary>
    public void SetupLocations()
    {
        m_locations.Add(new ZoneLocation { m_prefab = Prefab("Off"), m_enable = false, m_biome = Heightmap.Biome.Meadows, m_quantity = 4, m_prioritized = true });
        m_locations.Add(new ZoneLocation
        {
            m_name = "Farm", m_prefab = Prefab("WoodFarm1"), m_biome = Heightmap.Biome.Meadows | Heightmap.Biome.Plains,
            m_biomeArea = Heightmap.BiomeArea.Median, m_quantity = 10, m_group = "farms", m_minDistanceFromSimilar = 128.5f,
            m_maxDistanceFromSimilar = 85f, m_interiorRadius = 21f, m_exteriorRadius = 19.79f, m_minTerrainDelta = 0.1f, m_maxTerrainDelta = 3f,
            m_minimumVegetation = 0.6f, m_maximumVegetation = 0.9f, m_surroundCheckVegetation = true, m_surroundCheckDistance = 25f,
            m_surroundCheckLayers = 3, m_surroundBetterThanAverage = 0.3f, m_inForest = true, m_forestTresholdMin = 0.5f,
            m_forestTresholdMax = 1.5f, m_minDistance = 100f, m_maxDistance = 9000f, m_minDistanceFromCenter = 50f,
            m_maxDistanceFromCenter = 8000f, m_minAltitude = 0.7f, m_maxAltitude = 55f, m_altBiome = m_altBiomes[1],
        });
        m_locations.Add(new ZoneLocation { m_prefab = Prefab("None"), m_biome = Heightmap.Biome.Meadows });
        m_locations.Add(new ZoneLocation
        {
            m_prefab = Prefab("StartTemple"), m_biome = Heightmap.Biome.Meadows, m_quantity = 1, m_prioritized = true, m_centerFirst = true,
        });
        m_locations.Add(new ZoneLocation
        {
            m_name = Faults.NoNames ? null : "Haldor", m_prefab = Prefab("Vendor_BlackForest"), m_biome = Heightmap.Biome.BlackForest,
            m_quantity = 10, m_prioritized = true, m_unique = true, m_maxAltitude = Faults.NoNumber ? float.NaN : 1000f,
        });
#if !LACKS_TABLE
        m_locations[1].m_groupMax = "camps";
#endif
    }

    static SoftReference<UnityEngine.Object> Prefab(string name)
    {
        return new SoftReference<UnityEngine.Object>(name);
    }

    public void GenerateLocations()
    {
        _left = 3;
    }

    /// <summary>For the host: runs a frame.</summary>
    public void Update()
    {
        if (_left == 0 || --_left > 0)
            return;
        var world = ZNet.World;
        UnityEngine.Random.InitState(world.m_seed);
        // Sectors that are not cleared take locations away from the next world.
        var count = m_altBiomes[0].Sectors.Count > 1 || HasStarted && Faults.StarveLocations ? 1 : Prefabs.Length;
        for (var i = 0; i < count; i++)
        {
            var position = new Vector3(100f * i + world.m_seed % 64, 31.5f + i, Faults.NoNumber ? float.NegativeInfinity : -50f * i);
            m_locationInstances[new Vector2i(i, 0)] = new LocationInstance
            {
                m_location = new ZoneLocation { m_prefabName = Faults.NoNames ? null : Prefabs[i].PadRight(Faults.NameLength, '+'), m_exteriorRadius = 20f + i },
                m_position = position,
            };
        }
        m_locationsGenerated = HasStarted = true;
    }
}

/// <summary>For the host: the simulated faults.</summary>
public static class Faults
{
    public static volatile bool ThrowInSwitch;
    public static volatile bool ThrowInSampling;
    public static volatile bool StallInSwitch;
    public static volatile bool WrongSeed;
    public static volatile bool StarveLocations;
    public static volatile bool NoNumber;
    public static volatile bool NoNames;
    public static volatile int NameLength;
    public static volatile uint Drift;
    public static volatile int SlowMilliseconds;
    public static volatile int SwitchMilliseconds;
    static int _calls;

    /// <summary>Sleeps at every thousandth height.</summary>
    public static void Dawdle()
    {
        if (SlowMilliseconds > 0 && Interlocked.Increment(ref _calls) % 1000 == 0)
            Thread.Sleep(SlowMilliseconds);
    }
}
