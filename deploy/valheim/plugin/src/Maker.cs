using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading.Tasks;

namespace Vwe.Engine
{
    /// <summary>Generates worlds: switches the game, samples planes, reads lines, and checks that it was the requested world.</summary>
    internal sealed class Maker
    {
        static readonly string[] Planes = { "biome", "height", "forest", "lava" };
        static readonly string[] Waters = { "rivers", "streams", "lakes" };

        readonly Generator _generator;
        readonly Waterways _waterways;
        readonly Locations _locations;
        readonly Game _game;
        readonly MainThread _mainThread;
        readonly int _workers;
        readonly List<LayerKind> _layers = new List<LayerKind>();

        public Maker(Binder binder, MainThread mainThread, Settings settings)
        {
            _generator = new Generator(binder);
            _waterways = new Waterways(binder);
            _locations = new Locations(binder);
            _mainThread = mainThread;
            _game = new Game(_generator, mainThread);
            _workers = settings.Workers;
            if (!_generator.CanSwitch)
                return;
            foreach (var name in Planes)
                if (name == "biome" || (name == "forest" ? _generator.ForestAt != null : _generator.HeightAt != null))
                    _layers.Add(LayerKind.Of(name));
            foreach (var name in Waters)
                if (_waterways.Has(name))
                    _layers.Add(LayerKind.Of(name));
        }

        /// <summary>The layers that the engine offers.</summary>
        public IList<LayerKind> Layers
        {
            get { lock (_layers) return _layers.ToArray(); }
        }

        public bool CanSwitch
        {
            get { return _generator.CanSwitch; }
        }

        /// <summary>Returns whether the game has its first world with all locations. On the main thread.</summary>
        public bool HasBooted()
        {
            return _locations.AreGenerated && _game.HasBooted();
        }

        /// <summary>Tries whether locations can be placed again, and offers them if so. Not on the main thread.</summary>
        /// <returns>The reason why not, or null.</returns>
        /// <exception cref="BrokenException">The trial has left the game in an unknown world.</exception>
        public string TryLocations()
        {
            if (!_locations.CanRegenerate)
                return "members of the game are missing";
            try
            {
                var atStart = string.Join("\n", _locations.Lines().ToArray());
                Place(_game.Switch(_game.BootSeed ^ 0x5bd1e995, 2, () => false));
                Restore(60);
                Place(_generator.Instance);
                if (string.Join("\n", _locations.Lines().ToArray()) != atStart)
                    return "the locations of the first world differed when they were placed again";
            }
            catch (LocationException error)
            {
                return error.Message;
            }
            lock (_layers)
                _layers.Add(LayerKind.Of("locations"));
            return null;
        }

        /// <summary>Generates a world.</summary>
        /// <param name="request">The world, with offered layers only.</param>
        /// <param name="progress">Receives the progress; throws <see cref="StopException"/> to stop the job.</param>
        /// <param name="isStopped">Returns whether the job must stop.</param>
        /// <param name="timings">Receives the seconds of each phase.</param>
        /// <returns>The layers, by name.</returns>
        /// <exception cref="BrokenException">The job failed, and the game is in an unknown world.</exception>
        public Dictionary<string, Packed> Make(
            JobRequest request, Action<double, string> progress, Func<bool> isStopped, IDictionary<string, double> timings)
        {
            var watch = Stopwatch.StartNew();
            progress(0, "switching the world");
            var world = _game.Switch(request.Seed, request.WorldGenVersion, isStopped);
            timings["switch"] = Lap(watch);

            progress(0.2, "sampling the terrain");
            var kinds = Array.ConvertAll(request.Layers, LayerKind.Of);
            var sampling = new Sampling(_generator, world, request.Size, Array.FindAll(kinds, kind => kind.DType != null));
            var planes = sampling.Run(_workers, share => progress(0.2 + 0.6 * share, "sampling the terrain"));
            timings["terrain"] = Lap(watch);

            progress(0.8, "reading the other layers");
            var waters = Array.FindAll(request.Layers, name => Array.IndexOf(Waters, name) >= 0);
            var lines = Broken(() => _waterways.Lines(world, waters));
            if (request.Has("locations"))
            {
                progress(0.85, "placing locations");
                Place(world);
                lines["locations"] = Broken(_locations.Lines);
            }
            _game.Confirm(isStopped);
            timings["other_layers"] = Lap(watch);

            var packed = Pack(kinds, planes, lines, request.Size, () => progress(0.95, "packing"));
            timings["packing"] = Lap(watch);
            return packed;
        }

        /// <summary>Switches back to the first world and checks that it is unchanged.</summary>
        /// <exception cref="BrokenException">The check failed.</exception>
        public void Restore(double seconds)
        {
            _game.Restore(seconds, () =>
            {
                if (_locations.CanRegenerate)
                    _locations.Enter(_game.BootWorld);
            });
        }

        /// <summary>Packs the layers concurrently, because hashing takes longest.</summary>
        static Dictionary<string, Packed> Pack(
            LayerKind[] kinds, IDictionary<string, byte[]> planes, IDictionary<string, List<string>> lines, int size, Action tick)
        {
            var packed = new Packed[kinds.Length];
            try
            {
                Parallel.For(0, kinds.Length, i =>
                {
                    var kind = kinds[i];
                    packed[i] = kind.DType != null ? Packed.Plane(kind, planes[kind.Name], size, tick) : Packed.Lines(kind, lines[kind.Name]);
                });
            }
            catch (AggregateException error) when (error.InnerExceptions[0] is StopException)
            {
                throw new StopException();
            }
            var layers = new Dictionary<string, Packed>();
            foreach (var layer in packed)
                layers[layer.Kind.Name] = layer;
            return layers;
        }

        /// <summary>Places the locations of a world; this cannot be stopped once begun.</summary>
        void Place(object generator)
        {
            var random = default(UnityEngine.Random.State);
            var hasBegun = false;
            // One piece of work, so that every frame checks whether the game is done.
            Func<bool> step = () =>
            {
                if (!hasBegun)
                {
                    hasBegun = true;
                    random = UnityEngine.Random.state;
                    _locations.Begin(generator, _generator.WorldOf(generator));
                    return false;
                }
                if (!_locations.AreGenerated)
                    return false;
                UnityEngine.Random.state = random;
                return true;
            };
            Broken(() =>
            {
                _mainThread.Poll(step, () => false);
                return true;
            });
        }

        static T Broken<T>(Func<T> act)
        {
            try
            {
                return act();
            }
            catch (Exception error) when (!(error is BrokenException) && !(error is OutOfMemoryException))
            {
                throw new BrokenException(error.Message, error);
            }
        }

        static double Lap(Stopwatch watch)
        {
            var seconds = watch.Elapsed.TotalSeconds;
            watch.Restart();
            return seconds;
        }
    }
}
