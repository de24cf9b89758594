using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Vwe.Engine
{
    /// <summary>
    /// Reads one JSON document (RFC 8259), as deep as a message can be: objects as Dictionary, arrays as List, whole
    /// numbers as long, others as double. The size of the text is bounded where it is received.
    /// </summary>
    internal sealed class JsonReader
    {
        const int MaxDepth = 8;

        readonly string _text;
        int _at;

        JsonReader(string text)
        {
            _text = text;
        }

        /// <exception cref="FormatException">The text is not JSON.</exception>
        public static object Parse(string text)
        {
            var reader = new JsonReader(text);
            var value = reader.Value(0);
            reader.SkipSpace();
            if (reader._at != text.Length)
                throw reader.Wrong("text after the document");
            return value;
        }

        object Value(int depth)
        {
            if (depth > MaxDepth)
                throw Wrong("nested too deep");
            SkipSpace();
            switch (Peek())
            {
                case '{': return Object(depth);
                case '[': return Array(depth);
                case '"': return String();
                case 't': return Word("true", true);
                case 'f': return Word("false", false);
                case 'n': return Word("null", null);
                default: return Number();
            }
        }

        Dictionary<string, object> Object(int depth)
        {
            var members = new Dictionary<string, object>(StringComparer.Ordinal);
            _at++;
            SkipSpace();
            if (TryTake('}'))
                return members;
            do
            {
                SkipSpace();
                var name = String();
                SkipSpace();
                Take(':');
                members[name] = Value(depth + 1);
                SkipSpace();
            }
            while (TryTake(','));
            Take('}');
            return members;
        }

        List<object> Array(int depth)
        {
            var items = new List<object>();
            _at++;
            SkipSpace();
            if (TryTake(']'))
                return items;
            do
            {
                items.Add(Value(depth + 1));
                SkipSpace();
            }
            while (TryTake(','));
            Take(']');
            return items;
        }

        string String()
        {
            Take('"');
            var text = new StringBuilder();
            while (true)
            {
                var c = Peek();
                _at++;
                if (c == '"')
                    return text.ToString();
                if (c < ' ')
                    throw Wrong("a control character in a string");
                text.Append(c == '\\' ? Escaped() : c);
            }
        }

        char Escaped()
        {
            var c = Peek();
            _at++;
            switch (c)
            {
                case '"': case '\\': case '/': return c;
                case 'b': return '\b';
                case 'f': return '\f';
                case 'n': return '\n';
                case 'r': return '\r';
                case 't': return '\t';
                case 'u':
                    if (_at + 4 <= _text.Length
                        && ushort.TryParse(_text.Substring(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                    {
                        _at += 4;
                        return (char)code;
                    }
                    break;
            }
            throw Wrong("an unknown escape in a string");
        }

        object Number()
        {
            var begin = _at;
            TryTake('-');
            if (!TryTake('0'))
                Digits();
            var isWhole = true;
            if (TryTake('.'))
            {
                isWhole = false;
                Digits();
            }
            if (TryTake('e') || TryTake('E'))
            {
                isWhole = false;
                if (!TryTake('+'))
                    TryTake('-');
                Digits();
            }
            var text = _text.Substring(begin, _at - begin);
            if (isWhole && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
                return whole;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || double.IsInfinity(number))
                throw Wrong("a number that is too large");
            return number;
        }

        void Digits()
        {
            if (!IsDigit())
                throw Wrong("a missing or invalid value");
            while (IsDigit())
                _at++;
        }

        bool IsDigit()
        {
            return _at < _text.Length && _text[_at] >= '0' && _text[_at] <= '9';
        }

        object Word(string word, object value)
        {
            if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0)
                throw Wrong("an invalid value");
            _at += word.Length;
            return value;
        }

        char Peek()
        {
            return _at < _text.Length ? _text[_at] : throw Wrong("an early end");
        }

        void Take(char wanted)
        {
            if (!TryTake(wanted))
                throw Wrong($"a missing {wanted}");
        }

        bool TryTake(char wanted)
        {
            if (_at >= _text.Length || _text[_at] != wanted)
                return false;
            _at++;
            return true;
        }

        void SkipSpace()
        {
            while (_at < _text.Length && " \t\r\n".IndexOf(_text[_at]) >= 0)
                _at++;
        }

        FormatException Wrong(string what)
        {
            return new FormatException($"{what} at character {_at}");
        }
    }
}
