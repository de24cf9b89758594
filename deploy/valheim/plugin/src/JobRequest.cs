using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace Vwe.Engine
{
    /// <summary>The protocol's JobRequest: one world to generate; requests are equal if all members are.</summary>
    internal sealed class JobRequest
    {
        public static readonly Regex JobIdForm = new Regex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z");

        public long Token;
        public string JobId;
        public int Seed;
        public int WorldGenVersion;
        public int Size;
        public string[] Layers;
        public double DeadlineSeconds;

        /// <exception cref="RefusalException">The body is not a valid request of a job.</exception>
        public static JobRequest Read(string body)
        {
            var members = new Members(body);
            var request = new JobRequest
            {
                Token = members.Whole("token", 1, long.MaxValue),
                JobId = members.Text("job_id", JobIdForm),
                Seed = (int)members.Whole("seed", int.MinValue, int.MaxValue),
                WorldGenVersion = (int)members.Whole("world_gen_version", 0, 99),
                Layers = members.Texts("layers", 1, 64),
                DeadlineSeconds = members.Positive("deadline_s", 86400),
            };
            var grid = members.Object("grid");
            request.Size = (int)grid.Whole("size", 64, 8192);
            grid.End();
            members.End();
            return request;
        }

        public bool Has(string layer)
        {
            return Array.IndexOf(Layers, layer) >= 0;
        }

        public bool Equals(JobRequest other)
        {
            return Token == other.Token && JobId == other.JobId && Seed == other.Seed && WorldGenVersion == other.WorldGenVersion
                && Size == other.Size && DeadlineSeconds == other.DeadlineSeconds
                && string.Join(",", Layers) == string.Join(",", other.Layers);
        }
    }

    /// <summary>The members of an object in a body, each taken once and checked; unknown members are rejected.</summary>
    internal sealed class Members
    {
        readonly Dictionary<string, object> _left;
        readonly string _within;

        /// <exception cref="RefusalException">The body is not a JSON object.</exception>
        public Members(string body)
        {
            _within = "";
            try
            {
                _left = JsonReader.Parse(body) as Dictionary<string, object>;
            }
            catch (FormatException error)
            {
                throw new RefusalException("invalid", $"The body is not JSON: {error.Message}.");
            }
            if (_left == null)
                throw new RefusalException("invalid", "The body is not a JSON object.");
        }

        Members(Dictionary<string, object> members, string within)
        {
            _left = members;
            _within = within;
        }

        /// <summary>The body of a claim or a reset.</summary>
        public static long Holder(string body)
        {
            var members = new Members(body);
            var token = members.Whole("token", 1, long.MaxValue);
            members.End();
            return token;
        }

        public long Whole(string name, long least, long greatest)
        {
            var value = Take(name);
            return value is long && (long)value >= least && (long)value <= greatest
                ? (long)value
                : throw Invalid(name, $"should be a whole number from {least} to {greatest}");
        }

        public double Positive(string name, double greatest)
        {
            var value = Take(name);
            var number = value is long ? (long)value : value is double ? (double)value : 0.0;
            return number > 0 && number <= greatest ? number : throw Invalid(name, $"should be a number above 0, up to {greatest}");
        }

        public string Text(string name, Regex form)
        {
            var text = Take(name) as string;
            return text != null && form.IsMatch(text) ? text : throw Invalid(name, $"should be a string like {form}");
        }

        public string[] Texts(string name, int fewest, int most)
        {
            var items = Take(name) as List<object>;
            if (items == null || items.Count < fewest || items.Count > most || !items.TrueForAll(item => item is string))
                throw Invalid(name, $"should be a list of {fewest} to {most} strings");
            return items.ConvertAll(item => (string)item).ToArray();
        }

        public Members Object(string name)
        {
            var members = Take(name) as Dictionary<string, object>;
            return members != null ? new Members(members, name + ".") : throw Invalid(name, "should be an object");
        }

        /// <summary>Rejects members that have not been taken.</summary>
        public void End()
        {
            foreach (var name in _left.Keys)
                throw Invalid(name, "is not a field of this message");
        }

        object Take(string name)
        {
            if (!_left.TryGetValue(name, out var value))
                throw Invalid(name, "is missing");
            _left.Remove(name);
            return value;
        }

        RefusalException Invalid(string name, string why)
        {
            return new RefusalException("invalid", $"{_within}{name} {why}.");
        }
    }
}
