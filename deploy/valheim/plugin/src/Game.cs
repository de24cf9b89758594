using System;
using UnityEngine;

namespace Vwe.Engine
{
    /// <summary>
    /// The world of the running game: identifies it, switches it, and switches back to the one with which the game was
    /// started. After a switch has begun, every failure is a <see cref="BrokenException"/>, because the game may be in any
    /// world.
    /// </summary>
    internal sealed class Game
    {
        const int ProbeSide = 8;
        const float ProbeSpacing = 2500f;

        readonly Generator _generator;
        readonly MainThread _mainThread;
        object _bootWorld;
        object _current;
        int _bootSeed;
        int _seed;
        float[] _probe;

        public Game(Generator generator, MainThread mainThread)
        {
            _generator = generator;
            _mainThread = mainThread;
        }

        /// <summary>The seed of the world with which the game was started.</summary>
        public int BootSeed
        {
            get { return _bootSeed; }
        }

        /// <summary>The world with which the game was started.</summary>
        public object BootWorld
        {
            get { return _bootWorld; }
        }

        /// <summary>Returns whether the game has loaded its world, and records it as the first world. On the main thread.</summary>
        public bool HasBooted()
        {
            var generator = _generator.Instance;
            var world = generator == null ? null : _generator.WorldOf(generator);
            if (world == null || _generator.IsMenu(world))
                return false;
            _bootWorld = world;
            _current = generator;
            _bootSeed = _seed = _generator.SeedOf(generator);
            _probe = Probe(generator);
            return true;
        }

        /// <summary>Switches the game to a world, after checking that it is still in the world of the last switch.</summary>
        /// <returns>The generator of the world.</returns>
        /// <exception cref="StopException">The job was stopped before the switch began.</exception>
        /// <exception cref="BrokenException">The game is in an unknown world.</exception>
        public object Switch(int seed, int worldGenVersion, Func<bool> isStopped)
        {
            OnMainThread(() =>
            {
                RequireCurrent("before the world was switched");
                Initialize(() => _generator.NewWorld(seed, worldGenVersion), seed);
            }, isStopped);
            return _current;
        }

        /// <summary>Checks that the game is in the world to which it was switched.</summary>
        /// <exception cref="BrokenException">The check failed.</exception>
        public void Confirm(Func<bool> isStopped)
        {
            OnMainThread(() => RequireCurrent("while the world was being read"), isStopped);
        }

        /// <summary>Switches back to the first world, which is generated again, and compares points of it with the original.</summary>
        /// <param name="seconds">Time limit for the main thread.</param>
        /// <param name="enter">Called on the main thread once the world is generated.</param>
        /// <exception cref="BrokenException">The world differs, or was not ready in time.</exception>
        public void Restore(double seconds, Action enter)
        {
            try
            {
                _mainThread.RunWithin(seconds, () =>
                {
                    Initialize(() => _bootWorld, _bootSeed);
                    enter();
                });
            }
            catch (Exception error) when (error is MainThreadException || error is TimeoutException)
            {
                throw new BrokenException(error.Message, error);
            }
            var probe = Probe(_current);
            for (var i = 0; i < probe.Length; i++)
                if (!probe[i].Equals(_probe[i]))
                    throw new BrokenException($"the world of seed {_bootSeed} differs from the one at the start after it was generated again");
        }

        void OnMainThread(Action act, Func<bool> isStopped)
        {
            try
            {
                _mainThread.Run(act, isStopped);
            }
            catch (MainThreadException error)
            {
                throw new BrokenException(error.Message, error);
            }
        }

        void RequireCurrent(string when)
        {
            var generator = _generator.Instance;
            if (generator == null || !ReferenceEquals(generator, _current) || _generator.SeedOf(generator) != _seed)
                throw new InvalidOperationException($"the game was in another world than that of seed {_seed} {when}");
        }

        void Initialize(Func<object> world, int seed)
        {
            var random = UnityEngine.Random.state;
            try
            {
                _current = _generator.Initialize(world());
            }
            finally
            {
                UnityEngine.Random.state = random;
            }
            _seed = seed;
            var has = _generator.SeedOf(_current);
            if (has != seed)
                throw new InvalidOperationException($"the game generated the world of seed {has} instead of {seed}");
        }

        /// <summary>Returns biomes and heights of some points.</summary>
        float[] Probe(object generator)
        {
            var values = new float[2 * ProbeSide * ProbeSide];
            for (var i = 0; i < ProbeSide * ProbeSide; i++)
            {
                var x = (i % ProbeSide - (ProbeSide - 1) / 2f) * ProbeSpacing;
                var z = (i / ProbeSide - (ProbeSide - 1) / 2f) * ProbeSpacing;
                var biome = _generator.BiomeAt(generator, x, z);
                values[2 * i] = biome;
                if (_generator.HeightAt != null)
                    values[2 * i + 1] = _generator.HeightAt(generator, biome, x, z, out _);
            }
            return values;
        }
    }

    /// <summary>The game is in an unknown world, so the engine must be destroyed.</summary>
    internal sealed class BrokenException : Exception
    {
        public BrokenException(string message, Exception cause = null) : base(message, cause) { }
    }
}
