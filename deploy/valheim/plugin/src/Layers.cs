using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;

namespace Vwe.Engine
{
    /// <summary>A layer that the engine offers.</summary>
    internal sealed class LayerKind
    {
        public readonly string Name;
        public readonly string DType;

        LayerKind(string name, string dtype)
        {
            Name = name;
            DType = dtype;
        }

        public static LayerKind Of(string name)
        {
            switch (name)
            {
                case "biome": return new LayerKind(name, "uint16");
                case "height": case "forest": case "lava": return new LayerKind(name, "float32");
                default: return new LayerKind(name, null);
            }
        }

        /// <summary>Bytes of a value of a plane; 0 for lines.</summary>
        public int ItemSize
        {
            get { return DType == null ? 0 : DType == "uint16" ? 2 : 4; }
        }

        public void Write(JsonWriter json)
        {
            json.BeginObject();
            json.Member("name", Name).Member("kind", DType == null ? "lines" : "plane").Member("dtype", DType);
            json.EndObject();
        }
    }

    /// <summary>
    /// A layer in the form in which it is sent. A plane has its values, little-endian, row 0 south, without the zero rows
    /// before the first and after the last other row; lines are JSON, one per line, each ended by a line feed.
    /// </summary>
    internal sealed class Packed
    {
        const int HashedAtOnce = 1024 * 1024;

        public readonly LayerKind Kind;
        public readonly byte[] Bytes;
        public readonly int Offset;
        public readonly int Count;
        readonly int[] _shape;
        readonly string _sha256;

        Packed(LayerKind kind, byte[] bytes, int offset, int count, int[] shape, Action tick)
        {
            Kind = kind;
            Bytes = bytes;
            Offset = offset;
            Count = count;
            _shape = shape;
            using (var hash = SHA256.Create())
            {
                for (var at = 0; at < count; at += HashedAtOnce)
                {
                    tick();
                    hash.TransformBlock(bytes, offset + at, Math.Min(HashedAtOnce, count - at), null, 0);
                }
                hash.TransformFinalBlock(bytes, 0, 0);
                _sha256 = Hex(hash.Hash);
            }
        }

        /// <param name="kind">A plane.</param>
        /// <param name="bytes">The whole plane; it must not change afterwards.</param>
        /// <param name="size">Number of rows, which is also that of columns.</param>
        /// <param name="tick">Called regularly; an exception ends the work.</param>
        public static Packed Plane(LayerKind kind, byte[] bytes, int size, Action tick)
        {
            var row = size * kind.ItemSize;
            int first = 0, end = size;
            while (first < end && IsZero(bytes, first * row, row))
                first++;
            while (end > first && IsZero(bytes, (end - 1) * row, row))
                end--;
            if (first == end)
                first = end = 0;
            return new Packed(kind, bytes, first * row, (end - first) * row, new[] { size, size }, tick);
        }

        /// <param name="kind">Lines.</param>
        /// <param name="lines">The lines, each a JSON document.</param>
        public static Packed Lines(LayerKind kind, ICollection<string> lines)
        {
            var text = new StringBuilder();
            foreach (var line in lines)
                text.Append(line).Append('\n');
            var bytes = new UTF8Encoding(false).GetBytes(text.ToString());
            return new Packed(kind, bytes, 0, bytes.Length, new[] { lines.Count }, () => { });
        }

        public static string Hex(byte[] bytes)
        {
            return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
        }

        public void WriteFacts(JsonWriter json)
        {
            json.BeginObject();
            json.Member("name", Kind.Name).Member("kind", Kind.DType == null ? "lines" : "plane").Member("dtype", Kind.DType);
            json.Name("shape").BeginArray();
            foreach (var length in _shape)
                json.Value(length);
            json.EndArray();
            json.Member("offset", Kind.DType == null ? 0 : Offset).Member("bytes", Count).Member("sha256", _sha256);
            json.EndObject();
        }

        static bool IsZero(byte[] bytes, int begin, int count)
        {
            for (var i = begin; i < begin + count; i++)
                if (bytes[i] != 0)
                    return false;
            return true;
        }
    }
}
