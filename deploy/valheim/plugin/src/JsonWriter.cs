using System;
using System.Globalization;
using System.Text;

namespace Vwe.Engine
{
    /// <summary>Writes one JSON document and adds the commas.</summary>
    internal sealed class JsonWriter
    {
        readonly StringBuilder _text;
        bool _needsComma;

        public JsonWriter() : this(new StringBuilder(1024)) { }

        /// <param name="text">The text to which the document is appended.</param>
        public JsonWriter(StringBuilder text)
        {
            _text = text;
        }

        public override string ToString()
        {
            return _text.ToString();
        }

        public void BeginObject()
        {
            Begin('{');
        }

        public void EndObject()
        {
            End('}');
        }

        public void BeginArray()
        {
            Begin('[');
        }

        public void EndArray()
        {
            End(']');
        }

        /// <summary>Writes the name of the member whose value is written next.</summary>
        public JsonWriter Name(string name)
        {
            Value(name);
            _text.Append(':');
            _needsComma = false;
            return this;
        }

        public JsonWriter Member(string name, string value)
        {
            Name(name).Value(value);
            return this;
        }

        public JsonWriter Member(string name, bool value)
        {
            return Name(name).Raw(value ? "true" : "false");
        }

        public JsonWriter Member(string name, long value)
        {
            Name(name).Value(value);
            return this;
        }

        /// <exception cref="NotFiniteNumberException">JSON cannot store the number.</exception>
        public JsonWriter Member(string name, double value)
        {
            return Name(name).Number(value, name);
        }

        public JsonWriter Member(string name, Fault fault)
        {
            Name(name);
            if (fault == null)
                return Raw("null");
            fault.Write(this);
            return this;
        }

        public void Value(long value)
        {
            Raw(value.ToString(CultureInfo.InvariantCulture));
        }

        /// <exception cref="NotFiniteNumberException">JSON cannot store the number.</exception>
        public void Value(double value)
        {
            Number(value, "a number");
        }

        public void Value(string value)
        {
            if (value == null)
            {
                Raw("null");
                return;
            }
            Separate();
            _text.Append('"');
            foreach (var c in value)
            {
                if (c == '"' || c == '\\')
                    _text.Append('\\').Append(c);
                else if (c < ' ')
                    _text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                else
                    _text.Append(c);
            }
            _text.Append('"');
            _needsComma = true;
        }

        /// <summary>Writes a number; whole ones have a point, because they are not integers.</summary>
        JsonWriter Number(double value, string what)
        {
            if (double.IsNaN(value) || double.IsInfinity(value))
                throw new NotFiniteNumberException($"{what} is {value.ToString(CultureInfo.InvariantCulture)}, which JSON cannot store", value);
            var text = value.ToString("R", CultureInfo.InvariantCulture);
            return Raw(text.IndexOfAny(new[] { '.', 'E' }) < 0 ? text + ".0" : text);
        }

        JsonWriter Raw(string text)
        {
            Separate();
            _text.Append(text);
            _needsComma = true;
            return this;
        }

        void Begin(char bracket)
        {
            Separate();
            _text.Append(bracket);
            _needsComma = false;
        }

        void End(char bracket)
        {
            _text.Append(bracket);
            _needsComma = true;
        }

        void Separate()
        {
            if (_needsComma)
                _text.Append(',');
        }
    }
}
