using System;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Vwe.Engine
{
    /// <summary>Routes the calls of the engine protocol, version 1, to <see cref="Jobs"/>.</summary>
    internal sealed class Calls
    {
        const double MaxWaitSeconds = 30;

        static readonly Regex WaitForm = new Regex(@"^[0-9]{1,2}(\.[0-9]{1,6})?\z");

        readonly Jobs _jobs;
        readonly LocationTable _locationTable;

        public Calls(Jobs jobs, LocationTable locationTable)
        {
            _jobs = jobs;
            _locationTable = locationTable;
        }

        /// <summary>Answers a call.</summary>
        /// <param name="method">GET, POST, …</param>
        /// <param name="url">Path and query.</param>
        /// <param name="body">Reads the body.</param>
        /// <exception cref="RefusalException">The call is rejected.</exception>
        public Reply Answer(string method, string url, Func<string> body)
        {
            var query = url.IndexOf('?');
            var path = (query < 0 ? url : url.Substring(0, query)).Split('/');
            for (var i = 0; i < path.Length; i++)
                path[i] = Uri.UnescapeDataString(path[i]);
            var parameters = query < 0 ? "" : url.Substring(query + 1);
            if (path.Length == 3 && path[1] == "v1")
                switch (path[2])
                {
                    case "status":
                        return On(method, url, "GET", () => Reply.Json(_jobs.Status()));
                    case "claim":
                        return On(method, url, "POST", () => Held(body, _jobs.Claim));
                    case "reset":
                        return On(method, url, "POST", () => Held(body, _jobs.Reset));
                    case "jobs":
                        return On(method, url, "POST", () => Reply.Json(_jobs.Start(JobRequest.Read(body())), 202));
                    case "drain":
                        return On(method, url, "POST", Drain);
                    case "location-table":
                        return On(method, url, "GET", LocationTable);
                }
            if (path.Length == 4 && path[1] == "v1" && path[2] == "jobs" && path[3] != "")
                return method == "DELETE"
                    ? Reply.Json(_jobs.Cancel(JobId(path[3])), 202)
                    : On(method, url, "GET", () => StatusOf(JobId(path[3]), parameters), "DELETE, GET");
            if (path.Length == 6 && path[1] == "v1" && path[2] == "jobs" && path[3] != "" && path[4] == "layers" && path[5] != "")
                return On(method, url, "GET", () => Layer(JobId(path[3]), path[5]));
            throw NoSuchCall("not_found", method, url);
        }

        Reply Held(Func<string> body, Action<long> act)
        {
            act(Members.Holder(body()));
            return Reply.Json(_jobs.Status());
        }

        Reply Drain()
        {
            _jobs.Drain();
            return Reply.Json(_jobs.Status(), 202);
        }

        Reply LocationTable()
        {
            _jobs.RequireStarted();
            return Reply.Json(_locationTable.Json());
        }

        Reply StatusOf(string jobId, string query)
        {
            double wait = 0;
            string seen = null;
            foreach (var pair in query.Split(new[] { '&' }, StringSplitOptions.RemoveEmptyEntries))
            {
                var equals = pair.IndexOf('=');
                var name = Decoded(equals < 0 ? pair : pair.Substring(0, equals));
                var value = Decoded(equals < 0 ? "" : pair.Substring(equals + 1));
                if (name == "wait_s" && (!WaitForm.IsMatch(value) || (wait = double.Parse(value, CultureInfo.InvariantCulture)) > MaxWaitSeconds))
                    throw new RefusalException("invalid", $"Invalid wait_s; send a number of seconds from 0 to {MaxWaitSeconds}.");
                if (name == "seen" && !Job.SeenForm.IsMatch(seen = value))
                    throw new RefusalException("invalid", "Invalid seen; send the last known state and progress, such as running:0.25.");
            }
            return Reply.Json(_jobs.StatusOf(jobId, wait, seen));
        }

        Reply Layer(string jobId, string name)
        {
            var layer = _jobs.Layer(jobId, name);
            return new Reply
            {
                ContentType = layer.Kind.DType != null ? "application/octet-stream" : "application/x-ndjson",
                Bytes = layer.Bytes,
                Offset = layer.Offset,
                Count = layer.Count,
                WhenSent = () => _jobs.Sent(jobId, name),
            };
        }

        static Reply On(string method, string url, string wanted, Func<Reply> answer, string allowed = null)
        {
            if (method == wanted)
                return answer();
            var reply = Reply.Refused(NoSuchCall("method_not_allowed", method, url));
            reply.Headers["Allow"] = allowed ?? wanted;
            return reply;
        }

        static RefusalException NoSuchCall(string code, string method, string url)
        {
            return new RefusalException(code, $"The protocol has no call {method} {url}.");
        }

        static string JobId(string text)
        {
            if (JobRequest.JobIdForm.IsMatch(text))
                return text;
            throw new RefusalException("unknown_job", "Invalid job id; an id has 1 to 64 letters, digits, '.', '_' and '-'.");
        }

        static string Decoded(string text)
        {
            return Uri.UnescapeDataString(text.Replace('+', ' '));
        }
    }
}
