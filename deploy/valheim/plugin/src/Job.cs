using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Vwe.Engine
{
    /// <summary>State of a job; all except running are final.</summary>
    internal enum JobState
    {
        Running,
        Done,
        Failed,
        Cancelled,
    }

    /// <summary>One job; the holder of the lock of <see cref="Jobs"/> may change it.</summary>
    internal sealed class Job
    {
        public static readonly Regex SeenForm = new Regex(@"^(running|done|failed|cancelled):(0(\.[0-9]{1,6})?|1(\.0{1,6})?)\z");

        public readonly JobRequest Request;
        public JobState State = JobState.Running;
        public double Progress;
        public string Phase = "starting";
        public Dictionary<string, double> Timings = new Dictionary<string, double>();
        public Dictionary<string, Packed> Layers = new Dictionary<string, Packed>();
        public Fault Fault;
        /// <summary>The state that the job gets when it stops, after a request to stop.</summary>
        public JobState? Stopping;
        public bool HasEnded;
        public double EndedAt;
        public readonly List<string> Fetched = new List<string>();

        public Job(JobRequest request)
        {
            Request = request;
        }

        /// <summary>State and progress in the protocol's notation of the parameter seen.</summary>
        public string Seen
        {
            get { return string.Format(CultureInfo.InvariantCulture, "{0}:{1:0.0000}", Word(State), Progress); }
        }

        public Fault Late
        {
            get { return new Fault("deadline", string.Format(CultureInfo.InvariantCulture, "The job did not finish within {0} s; allow more time.", Request.DeadlineSeconds)); }
        }

        public static string Word(Enum state)
        {
            return state.ToString().ToLowerInvariant();
        }

        public string Status()
        {
            var json = new JsonWriter();
            json.BeginObject();
            json.Member("job_id", Request.JobId).Member("state", Word(State)).Member("progress", Progress).Member("phase", Phase);
            json.Name("timings_s").BeginObject();
            foreach (var timing in Timings)
                json.Member(timing.Key, timing.Value);
            json.EndObject();
            json.Name("layers").BeginArray();
            if (State == JobState.Done)
                foreach (var layer in Layers.Values)
                    layer.WriteFacts(json);
            json.EndArray();
            json.Member("error", Fault);
            json.EndObject();
            return json.ToString();
        }
    }
}
