using System;
using System.Collections;
using System.Collections.Generic;
using UnityEngine;

namespace Vwe.Engine
{
    /// <summary>
    /// The rivers, streams and lakes of a world as lines. The game stores the ends and bends of a river, and separately,
    /// by map cell, the points with which it was drawn and their widths. The points are found again by following the
    /// river with the game's own formula, so the reported points are exactly those of the game.
    /// </summary>
    internal sealed class Waterways
    {
        const double VertexSpacing = 16;

        readonly Variable _rivers;
        readonly Variable _streams;
        readonly Variable _lakes;
        readonly Variable _riverPoints;
        readonly Variable _from;
        readonly Variable _to;
        readonly Variable _leastWidth;
        readonly Variable _bendWidth;
        readonly Variable _bendLength;
        readonly Variable _position;
        readonly Variable _width;

        public Waterways(Binder game)
        {
            var generator = game.Type("WorldGenerator");
            _rivers = game.Variable(generator, "m_rivers", typeof(IEnumerable));
            _streams = game.Variable(generator, "m_streams", typeof(IEnumerable));
            _lakes = game.Variable(generator, "m_lakes", typeof(ICollection<Vector2>));
            _riverPoints = game.Variable(generator, "m_riverPoints", typeof(IDictionary));
            var river = game.Type("WorldGenerator+River");
            _from = game.Variable(river, "p0", typeof(Vector2));
            _to = game.Variable(river, "p1", typeof(Vector2));
            _leastWidth = game.Variable(river, "widthMin", typeof(float));
            _bendWidth = game.Variable(river, "curveWidth", typeof(float));
            _bendLength = game.Variable(river, "curveWavelength", typeof(float));
            var point = game.Type("WorldGenerator+RiverPoint");
            _position = game.Variable(point, "p", typeof(Vector2));
            _width = game.Variable(point, "w", typeof(float));
        }

        public bool Has(string layer)
        {
            if (layer == "lakes")
                return _lakes != null;
            var lines = layer == "rivers" ? _rivers : layer == "streams" ? _streams : null;
            var needed = new[] { lines, _riverPoints, _from, _to, _leastWidth, _bendWidth, _bendLength, _position, _width };
            return Array.TrueForAll(needed, member => member != null);
        }

        /// <summary>Returns the lines of some layers, each line as JSON.</summary>
        public Dictionary<string, List<string>> Lines(object generator, ICollection<string> layers)
        {
            var drawn = new Lazy<DrawnPoints>(() => Drawn(generator));
            var lines = new Dictionary<string, List<string>>();
            foreach (var layer in layers)
                lines[layer] = layer == "lakes" ? Lakes(generator) : Courses(generator, layer, drawn.Value);
            return lines;
        }

        DrawnPoints Drawn(object generator)
        {
            var drawn = new DrawnPoints();
            foreach (var cell in ((IDictionary)_riverPoints.Get(generator)).Values)
                foreach (var point in (IEnumerable)cell)
                    drawn.Add((Vector2)_position.Get(point), (float)_width.Get(point));
            return drawn;
        }

        List<string> Courses(object generator, string layer, DrawnPoints drawn)
        {
            var kind = layer == "rivers" ? "river" : "stream";
            var lines = new List<string>();
            foreach (var river in (IEnumerable)(layer == "rivers" ? _rivers : _streams).Get(generator))
            {
                var points = Follow(river, drawn);
                if (points.Count > 0)
                    lines.Add(Line(kind, Thin(points)));
            }
            return lines;
        }

        List<string> Lakes(object generator)
        {
            var lines = new List<string>();
            foreach (var lake in (ICollection<Vector2>)_lakes.Get(generator))
                lines.Add(Line("lake", new List<Point> { new Point(Rounded(lake.x), Rounded(lake.y), 0) }));
            return lines;
        }

        /// <summary>Returns the points of a river; empty if the game has not drawn it.</summary>
        List<Point> Follow(object river, DrawnPoints drawn)
        {
            Vector2 from = (Vector2)_from.Get(river), to = (Vector2)_to.Get(river);
            float least = (float)_leastWidth.Get(river), bendWidth = (float)_bendWidth.Get(river), bendLength = (float)_bendLength.Get(river);
            float dx = to.x - from.x, dz = to.y - from.y;
            var span = (float)Math.Sqrt(dx * dx + dz * dz);
            var points = new List<Point>();
            if (span <= 1e-5f || least <= 0f)
                return points;
            dx /= span;
            dz /= span;
            var step = least / 8f;
            var missed = 0;
            for (var s = 0f; s <= span; s += step)
            {
                var t = s / bendLength;
                var aside = Sin(t) * Sin(t * 0.63412f) * Sin(t * 0.33412f) * bendWidth;
                if (drawn.TryFind(from.x + dx * s - dz * aside, from.y + dz * s + dx * aside, out var point))
                    points.Add(point);
                // The last bit of a sum decides whether there is a point at the very end.
                else if (s + step <= span)
                    missed++;
            }
            if (missed > 0 && points.Count > missed)
                throw new InvalidOperationException($"{missed} points of a river are not on its course; this version of the game draws rivers differently");
            return missed > 0 ? new List<Point>() : points;
        }

        static float Sin(float angle)
        {
            return (float)Math.Sin(angle);
        }

        /// <summary>Returns a vertex about every 16 m, including both ends, in meters to two decimals.</summary>
        static List<Point> Thin(List<Point> points)
        {
            var every = 1;
            if (points.Count > 1)
            {
                float dx = (float)points[1].X - (float)points[0].X, dz = (float)points[1].Z - (float)points[0].Z;
                every = Math.Max(1, (int)Math.Round(VertexSpacing / Math.Max(Math.Sqrt((double)dx * dx + (double)dz * dz), 1.0)));
            }
            var kept = new List<Point>();
            for (var i = 0; i < points.Count; i++)
                if (i % every == 0 || i == points.Count - 1)
                    kept.Add(new Point(Math.Round(points[i].X * 100) / 100, Math.Round(points[i].Z * 100) / 100, Math.Round(points[i].Width * 100) / 100));
            return kept;
        }

        static double Rounded(float meters)
        {
            return (float)Math.Round(meters * 100f) / 100f;
        }

        static string Line(string kind, List<Point> points)
        {
            var json = new JsonWriter();
            json.BeginObject();
            json.Member("kind", kind).Name("points").BeginArray();
            foreach (var point in points)
                point.Write(json, kind);
            json.EndArray();
            json.EndObject();
            return json.ToString();
        }

        struct Point
        {
            public readonly double X;
            public readonly double Z;
            public readonly double Width;

            public Point(double x, double z, double width)
            {
                X = x;
                Z = z;
                Width = width;
            }

            public void Write(JsonWriter json, string kind)
            {
                try
                {
                    json.BeginArray();
                    json.Value(X);
                    json.Value(Z);
                    json.Value(Width);
                    json.EndArray();
                }
                catch (NotFiniteNumberException error)
                {
                    throw new InvalidOperationException($"a point of a {kind} cannot be reported: {error.Message}");
                }
            }
        }

        /// <summary>The points with which rivers were drawn, found by position to within a quarter of a meter.</summary>
        sealed class DrawnPoints
        {
            const float Reach = 0.25f;

            readonly Dictionary<long, List<Point>> _cells = new Dictionary<long, List<Point>>();

            public void Add(Vector2 at, float width)
            {
                var cell = Cell((int)Math.Floor(at.x), (int)Math.Floor(at.y));
                if (!_cells.TryGetValue(cell, out var points))
                    _cells[cell] = points = new List<Point>(1);
                // The game lists a point in every map cell that it reaches.
                if (!points.Exists(has => has.X == at.x && has.Z == at.y && has.Width == width))
                    points.Add(new Point(at.x, at.y, width));
            }

            public bool TryFind(float x, float z, out Point nearest)
            {
                nearest = default(Point);
                var best = double.PositiveInfinity;
                for (var row = (int)Math.Floor(z - Reach); row <= (int)Math.Floor(z + Reach); row++)
                    for (var column = (int)Math.Floor(x - Reach); column <= (int)Math.Floor(x + Reach); column++)
                    {
                        if (!_cells.TryGetValue(Cell(column, row), out var points))
                            continue;
                        foreach (var point in points)
                        {
                            var distance = Math.Max(Math.Abs(point.X - x), Math.Abs(point.Z - z));
                            if (distance > Reach || distance >= best)
                                continue;
                            best = distance;
                            nearest = point;
                        }
                    }
                return best <= Reach;
            }

            static long Cell(int x, int z)
            {
                return ((long)z << 32) ^ (uint)x;
            }
        }
    }
}
