using System.Reflection;
using UnityEngine;

namespace Vwe.Engine
{
    internal delegate int BiomeAt(object generator, float x, float z);
    internal delegate float HeightAt(object generator, int biome, float x, float z, out Color mask);
    internal delegate float ForestAt(object generator, Vector3 point);
    internal delegate int SeedOf(object generator);
    internal delegate void InitializeWith(object generator, object world);

    /// <summary>The members of the game's world generator that switch worlds and sample them.</summary>
    internal sealed class Generator
    {
        readonly ConstructorInfo _newWorld;
        readonly Variable _worldSeed;
        readonly Variable _worldGenVersion;
        readonly Variable _worldIsMenu;
        readonly Variable _instance;
        readonly Variable _world;
        readonly InitializeWith _initialize;
        readonly SeedOf _seed;

        public readonly BiomeAt BiomeAt;
        public readonly HeightAt HeightAt;
        public readonly ForestAt ForestAt;

        public Generator(Binder game)
        {
            var world = game.Type("World");
            _newWorld = game.Constructor(world, typeof(string), typeof(string));
            _worldSeed = game.Variable(world, "m_seed", typeof(int));
            _worldGenVersion = game.Variable(world, "m_worldGenVersion", typeof(int));
            _worldIsMenu = game.Variable(world, "m_menu", typeof(bool));

            var generator = game.Type("WorldGenerator");
            _instance = game.Variable(generator, "instance");
            _world = game.Variable(generator, "m_world", world);
            _initialize = game.Method<InitializeWith>(generator, "Initialize");
            _seed = game.Method<SeedOf>(generator, "GetSeed");
            BiomeAt = game.Method<BiomeAt>(generator, "GetBiome");
            HeightAt = game.Method<HeightAt>(generator, "GetBiomeHeight");
            ForestAt = game.Method<ForestAt>(generator, "GetForestFactor");
            CanSwitch = _newWorld != null && _worldSeed != null && _worldGenVersion != null && _instance != null && _world != null
                && _initialize != null && _seed != null && BiomeAt != null;
        }

        /// <summary>True if worlds can be switched and sampled, which an engine requires.</summary>
        public bool CanSwitch { get; private set; }

        /// <summary>The game's own generator, or null before a world is loaded.</summary>
        public object Instance
        {
            get { return _instance.Get(null); }
        }

        public object WorldOf(object generator)
        {
            return _world.Get(generator);
        }

        public int SeedOf(object generator)
        {
            return _seed(generator);
        }

        /// <summary>Returns whether a world is the one behind the main menu.</summary>
        public bool IsMenu(object world)
        {
            return _worldIsMenu != null && (bool)_worldIsMenu.Get(world);
        }

        /// <summary>Creates a world of a seed for the generator; it is not saved. On the main thread.</summary>
        public object NewWorld(int seed, int worldGenVersion)
        {
            var world = _newWorld.Invoke(new object[] { "vwe", "vwe" });
            _worldSeed.Set(world, seed);
            _worldGenVersion.Set(world, worldGenVersion);
            return world;
        }

        /// <summary>Initializes the generator for a world. On the main thread.</summary>
        public object Initialize(object world)
        {
            _initialize(null, world);
            return Instance;
        }
    }
}
