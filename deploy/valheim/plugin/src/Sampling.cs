using System;
using System.Collections.Generic;
using System.Threading;
using UnityEngine;

namespace Vwe.Engine
{
    /// <summary>Samples the planes of a world at the centers of a grid's cells, row by row on several threads.</summary>
    internal sealed class Sampling
    {
        const int AshLands = 32;
        const double MapWidth = 24576;

        readonly Generator _generator;
        readonly object _world;
        readonly int _size;
        readonly float[] _coordinates;
        readonly Dictionary<string, byte[]> _planes = new Dictionary<string, byte[]>();
        int _next;
        int _done;
        volatile bool _isStopped;
        volatile Exception _error;

        /// <param name="generator">The game's members.</param>
        /// <param name="world">The generator of the world.</param>
        /// <param name="size">Cells along each side of the whole map.</param>
        /// <param name="layers">The requested planes.</param>
        public Sampling(Generator generator, object world, int size, IEnumerable<LayerKind> layers)
        {
            _generator = generator;
            _world = world;
            _size = size;
            var cell = MapWidth / size;
            _coordinates = new float[size];
            for (var i = 0; i < size; i++)
                _coordinates[i] = (float)((i - size / 2.0) * cell + cell / 2);
            foreach (var layer in layers)
                _planes[layer.Name] = new byte[size * size * layer.ItemSize];
        }

        /// <summary>Samples all planes.</summary>
        /// <param name="threads">Number of threads.</param>
        /// <param name="progress">Receives the share of finished rows; an exception ends the sampling.</param>
        /// <returns>The planes, by layer.</returns>
        /// <exception cref="BrokenException">The game's generator failed.</exception>
        public IDictionary<string, byte[]> Run(int threads, Action<double> progress)
        {
            var workers = new List<Thread>();
            try
            {
                for (var i = 0; i < threads && _planes.Count > 0; i++)
                {
                    var worker = new Thread(Work) { IsBackground = true, Priority = System.Threading.ThreadPriority.BelowNormal, Name = "vwe sampling" };
                    worker.Start();
                    workers.Add(worker);
                }
                while (workers.Exists(worker => !worker.Join(20)))
                    progress(Volatile.Read(ref _done) / (double)_size);
            }
            finally
            {
                _isStopped = true;
                workers.ForEach(worker => worker.Join());
            }
            if (_error is OutOfMemoryException)
                throw _error;
            if (_error != null)
                throw new BrokenException($"the game's generator failed while it was sampled: {_error.GetType().Name}: {_error.Message}", _error);
            return _planes;
        }

        void Work()
        {
            try
            {
                var row = new Row(this);
                int z;
                while (!_isStopped && (z = Interlocked.Increment(ref _next) - 1) < _size)
                {
                    row.Sample(z);
                    Interlocked.Increment(ref _done);
                }
            }
            catch (Exception error)
            {
                _error = error;
                _isStopped = true;
            }
        }

        /// <summary>Samples one row of every plane.</summary>
        sealed class Row
        {
            readonly Sampling _of;
            readonly ushort[] _biome;
            readonly float[] _height;
            readonly float[] _lava;
            readonly float[] _forest;

            public Row(Sampling of)
            {
                _of = of;
                _biome = new ushort[of._size];
                _height = new float[of._size];
                _lava = new float[of._size];
                _forest = new float[of._size];
            }

            public void Sample(int z)
            {
                var planes = _of._planes;
                var needsHeight = planes.ContainsKey("height") || planes.ContainsKey("lava");
                var needsBiome = needsHeight || planes.ContainsKey("biome");
                var needsForest = planes.ContainsKey("forest");
                var generator = _of._generator;
                var at = _of._coordinates[z];
                for (var i = 0; i < _of._size; i++)
                {
                    var x = _of._coordinates[i];
                    var biome = needsBiome ? generator.BiomeAt(_of._world, x, at) : 0;
                    _biome[i] = (ushort)biome;
                    if (needsHeight)
                    {
                        _height[i] = generator.HeightAt(_of._world, biome, x, at, out var mask);
                        _lava[i] = biome == AshLands ? mask.a : 0f;
                    }
                    if (needsForest)
                        _forest[i] = generator.ForestAt(_of._world, new Vector3(x, 0f, at));
                }
                Keep("biome", z, _biome);
                Keep("height", z, _height);
                Keep("lava", z, _lava);
                Keep("forest", z, _forest);
            }

            void Keep(string layer, int z, Array values)
            {
                if (!_of._planes.TryGetValue(layer, out var plane))
                    return;
                var bytes = Buffer.ByteLength(values);
                Buffer.BlockCopy(values, 0, plane, z * bytes, bytes);
            }
        }
    }
}
