using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;

namespace Vwe.Engine
{
    /// <summary>State of the engine; exporting lasts from the successful end of a job until a reset or the next job.</summary>
    internal enum EngineState
    {
        Starting,
        Ready,
        Generating,
        Exporting,
        Resetting,
        Error,
    }

    /// <summary>
    /// Runs one job at a time in a separate thread, fenced by tokens. Nothing here depends on HTTP. Every method can be
    /// called from any thread; a rejected call is a <see cref="RefusalException"/>.
    /// </summary>
    internal sealed class Jobs
    {
        /// <summary>Calls that may wait for a job concurrently; further ones are answered without waiting.</summary>
        public const int MaxWaiting = 8;

        const double FetchSeconds = 30;
        const int NewestWorldGenVersion = 2;

        static readonly Stopwatch Clock = Stopwatch.StartNew();

        readonly object _gate = new object();
        readonly Maker _maker;
        readonly Settings _settings;
        readonly Action<string> _log;
        readonly string _bootId = Guid.NewGuid().ToString("N");
        readonly int _pid = Process.GetCurrentProcess().Id;
        Facts _facts;
        EngineState _state = EngineState.Starting;
        Job _job;
        Fault _error;
        long _token;
        bool _isDraining;
        int _done;
        int _waiting;
        double _used = Now;

        public Jobs(Maker maker, Settings settings, Action<string> log)
        {
            _maker = maker;
            _settings = settings;
            _log = log;
        }

        static double Now
        {
            get { return Clock.Elapsed.TotalSeconds; }
        }

        /// <summary>Records the game and its plugins.</summary>
        public void Know(Facts facts)
        {
            lock (_gate)
                _facts = facts;
        }

        /// <summary>Enters the state ready, unless the engine is broken.</summary>
        public void BecomeReady()
        {
            lock (_gate)
            {
                if (_state != EngineState.Starting)
                    return;
                _state = EngineState.Ready;
                _used = Now;
                Tell();
            }
        }

        /// <summary>Enters the state error, which is final.</summary>
        public void Break(string message)
        {
            Break(new Fault("engine_error", message));
        }

        public string Status()
        {
            var memory = ResidentMemory();
            lock (_gate)
            {
                var json = new JsonWriter();
                json.BeginObject();
                json.Member("protocol", 1).Member("name", _settings.Name).Member("kind", "valheim").Member("version", EnginePlugin.Version);
                json.Member("game_version", _facts == null ? null : _facts.GameVersion);
                json.Member("boot_id", _bootId).Member("state", Job.Word(_state)).Member("draining", _isDraining);
                json.Member("job_id", _job == null ? null : _job.Request.JobId);
                json.Member("progress", _job == null ? 0.0 : _job.Progress).Member("phase", _job == null ? "" : _job.Phase);
                json.Member("token", _token).Member("pid", _pid);
                json.Member("uptime_s", Math.Round(Now, 3)).Member("idle_s", Math.Round(IdleSeconds, 3));
                json.Member("jobs_done", _done).Member("memory_bytes", memory).Member("error", _error);
                WriteCapabilities(json.Name("capabilities"));
                json.Name("game");
                if (_facts == null)
                    json.Value(null);
                else
                    _facts.Write(json);
                json.EndObject();
                return json.ToString();
            }
        }

        /// <summary>Rejects a call while the engine is starting or after it is broken.</summary>
        public void RequireStarted()
        {
            lock (_gate)
            {
                RefuseIfBroken();
                RefuseIfBusy(EngineState.Starting);
            }
        }

        /// <summary>Claims the engine for a holder; a higher token than any before stops the job of an older holder.</summary>
        public void Claim(long token)
        {
            lock (_gate)
            {
                Fence(token);
                RefuseIfUnwell();
                TakeFor(token);
                _used = Now;
            }
        }

        /// <summary>Starts a job, or returns the existing one with that id.</summary>
        public string Start(JobRequest request)
        {
            Check(request);
            lock (_gate)
            {
                Fence(request.Token);
                if (request.Token > _token)
                    throw new RefusalException("not_claimed", $"Claim the engine with token {request.Token} before its first job.");
                if (_job != null && _job.Request.JobId == request.JobId)
                {
                    if (!_job.Request.Equals(request))
                        throw new RefusalException("job_conflict", $"Job {request.JobId} exists with another request; use a new id for each job.");
                    return _job.Status();
                }
                RefuseIfUnwell();
                RefuseIfBusy(EngineState.Starting, EngineState.Generating, EngineState.Resetting);
                var job = _job = new Job(request);
                _state = EngineState.Generating;
                _used = Now;
                Begin("vwe job", () => Run(job));
                Begin("vwe watch", () => Watch(job));
                Tell();
                return job.Status();
            }
        }

        /// <summary>Returns the status of a job as soon as it differs from the seen one, or after the wait.</summary>
        /// <param name="jobId">Its id.</param>
        /// <param name="seconds">Time limit of the wait.</param>
        /// <param name="seen">State and progress that the caller has seen; null for the present ones.</param>
        public string StatusOf(string jobId, double seconds, string seen)
        {
            lock (_gate)
            {
                var job = Known(jobId);
                var ends = Now + seconds;
                seen = seen ?? job.Seen;
                if (_waiting < MaxWaiting)
                {
                    _waiting++;
                    try
                    {
                        while (job.State == JobState.Running && job.Seen == seen && Now < ends)
                        {
                            Monitor.Wait(_gate, Math.Max(1, (int)Math.Ceiling((ends - Now) * 1000)));
                            job = Known(jobId);
                        }
                    }
                    finally
                    {
                        _waiting--;
                    }
                }
                return job.Status();
            }
        }

        /// <summary>Returns a layer of a finished job.</summary>
        public Packed Layer(string jobId, string name)
        {
            lock (_gate)
            {
                var job = Known(jobId);
                if (!job.Request.Has(name))
                    throw new RefusalException("unknown_layer", $"Job {jobId} has no layer {name}; it has {string.Join(", ", job.Request.Layers)}.");
                if (job.State != JobState.Done)
                    throw new RefusalException("not_done", $"Job {jobId} is {Job.Word(job.State)}; its layers exist once it is done.");
                return job.Layers[name];
            }
        }

        /// <summary>Records that a layer was sent completely, so that a draining engine need not keep it.</summary>
        public void Sent(string jobId, string name)
        {
            lock (_gate)
                if (_job != null && _job.Request.JobId == jobId && !_job.Fetched.Contains(name))
                    _job.Fetched.Add(name);
        }

        /// <summary>Requests that a job stops; a finished job is not changed.</summary>
        public string Cancel(string jobId)
        {
            lock (_gate)
            {
                var job = Known(jobId);
                Stop(job, JobState.Cancelled);
                return job.Status();
            }
        }

        /// <summary>Stops the job, deletes its layers and switches back to the first world; blocks until that is done.</summary>
        public void Reset(long token)
        {
            var why = Clear(token) ?? Restore();
            if (why == null)
                return;
            var refusal = new RefusalException("reset_failed", $"The reset failed, destroy the engine: {why.TrimEnd('.')}.");
            Break(refusal.Fault);
            throw refusal;
        }

        /// <summary>Accepts no more jobs; <see cref="WhyExit"/> returns when to exit.</summary>
        public void Drain()
        {
            lock (_gate)
            {
                _isDraining = true;
                Tell();
            }
        }

        /// <summary>Returns the reason to end the game now, or null.</summary>
        public string WhyExit()
        {
            lock (_gate)
            {
                if (_state == EngineState.Generating || _state == EngineState.Resetting)
                    return null;
                if (_settings.IdleExitSeconds.HasValue && IdleSeconds >= _settings.IdleExitSeconds.Value)
                    return string.Format(CultureInfo.InvariantCulture, "This engine was idle for {0:0.##} minutes; it ends.", _settings.IdleExitSeconds.Value / 60);
                if (!_isDraining)
                    return null;
                var isKept = _state == EngineState.Exporting && _job != null && _job.Fetched.Count < _job.Layers.Count;
                return isKept && Now - _job.EndedAt < FetchSeconds ? null : "Drained; it ends.";
            }
        }

        /// <summary>Stops the job and deletes its layers.</summary>
        /// <returns>The reason why it did not stop, or null.</returns>
        string Clear(long token)
        {
            lock (_gate)
            {
                Fence(token);
                RefuseIfBroken();
                RefuseIfBusy(EngineState.Starting, EngineState.Resetting);
                TakeFor(token);
                var job = _job;
                _state = EngineState.Resetting;
                _used = Now;
                if (job != null)
                    Stop(job, JobState.Cancelled);
                Tell();
                if (job != null && !WaitFor(() => job.HasEnded, _settings.StopSeconds))
                    return $"job {job.Request.JobId} did not stop within {_settings.StopSeconds} s";
                if (_error != null)
                    return _error.Message;
                _job = null;
                return null;
            }
        }

        /// <returns>The reason why the first world could not be restored, or null.</returns>
        string Restore()
        {
            try
            {
                _maker.Restore(_settings.StopSeconds);
            }
            catch (Exception error)
            {
                return error.Message;
            }
            // Frees a gigabyte after a world of 8192 cells a side.
            GC.Collect();
            lock (_gate)
            {
                if (_state == EngineState.Resetting)
                    _state = EngineState.Ready;
                _used = Now;
                Tell();
            }
            return null;
        }

        void Run(Job job)
        {
            var timings = new Dictionary<string, double>();
            Dictionary<string, Packed> layers = null;
            Exception broken = null;
            try
            {
                layers = _maker.Make(job.Request, (share, phase) => Progress(job, share, phase), () => job.Stopping.HasValue, timings);
            }
            catch (StopException) { }
            catch (Exception error)
            {
                broken = error;
            }
            string outcome;
            lock (_gate)
            {
                if (layers != null)
                {
                    job.Layers = layers;
                    job.Timings = timings;
                }
                var state = layers != null ? JobState.Done : broken != null ? JobState.Failed : JobState.Cancelled;
                outcome = End(job, state, broken == null ? null : FaultOf(broken));
            }
            if (broken != null)
                _log(broken.ToString());
            _log(outcome);
        }

        static Fault FaultOf(Exception error)
        {
            if (error is OutOfMemoryException)
                return new Fault("out_of_memory", "The engine ran out of memory; give it more.");
            var message = error is BrokenException ? error.Message : $"{error.GetType().Name}: {error.Message}";
            return new Fault("engine_failed", $"The world could not be generated: {message}.");
        }

        /// <summary>Ends a job after its thread is done, unless the job has already been given up.</summary>
        /// <returns>The result for the log.</returns>
        string End(Job job, JobState state, Fault broken)
        {
            job.HasEnded = true;
            job.EndedAt = _used = Now;
            var fault = broken;
            if (job.Stopping == JobState.Failed && state != JobState.Done)
            {
                state = JobState.Failed;
                fault = job.Late;
            }
            if (job.State == JobState.Running)
            {
                job.State = state;
                job.Fault = fault;
                job.Progress = state == JobState.Done ? 1 : job.Progress;
                job.Phase = Job.Word(state);
            }
            if (job == _job && _state == EngineState.Generating)
                _state = job.State == JobState.Done ? EngineState.Exporting : EngineState.Ready;
            if (broken != null)
                Fail(broken);
            _done += job.State == JobState.Done ? 1 : 0;
            Tell();
            return $"Job {job.Request.JobId}: {Job.Word(job.State)}{(job.Fault == null ? "" : ", " + job.Fault.Message)}";
        }

        /// <summary>Enforces the deadline of a job, and its stop after a request.</summary>
        void Watch(Job job)
        {
            var hangs = new Fault("engine_failed", $"Job {job.Request.JobId} does not stop; destroy this engine.");
            lock (_gate)
            {
                if (!WaitFor(() => job.HasEnded || job.Stopping.HasValue, job.Request.DeadlineSeconds))
                    Stop(job, JobState.Failed);
                if (WaitFor(() => job.HasEnded, _settings.StopSeconds))
                    return;
                job.State = job.Stopping ?? JobState.Failed;
                job.Fault = job.State == JobState.Failed ? job.Late : null;
                job.Phase = "hanging";
                Fail(hangs);
            }
            _log(hangs.Message);
        }

        void Progress(Job job, double share, string phase)
        {
            lock (_gate)
            {
                if (job.Stopping.HasValue)
                    throw new StopException();
                // Only a finished job has the progress 1.0.
                share = Math.Round(Math.Min(Math.Max(share, 0), 0.99), 4);
                if (job.Progress == share && job.Phase == phase)
                    return;
                job.Progress = share;
                job.Phase = phase;
                Tell();
            }
        }

        void Stop(Job job, JobState state)
        {
            if (job.State != JobState.Running || job.Stopping.HasValue)
                return;
            job.Stopping = state;
            job.Phase = "stopping";
            Tell();
        }

        void TakeFor(long token)
        {
            if (token <= _token)
                return;
            _token = token;
            if (_job != null)
                Stop(_job, JobState.Cancelled);
            Tell();
        }

        void Check(JobRequest request)
        {
            var has = new List<string>();
            foreach (var layer in _maker.Layers)
                has.Add(layer.Name);
            var unknown = Array.FindAll(request.Layers, name => !has.Contains(name));
            if (unknown.Length > 0)
                throw new RefusalException(
                    "unknown_layer", $"Unknown layer {string.Join(", ", unknown)}; this engine has {string.Join(", ", has.ToArray())}.", 422);
            for (var i = 0; i < request.Layers.Length; i++)
                if (Array.LastIndexOf(request.Layers, request.Layers[i]) != i)
                    throw new RefusalException("invalid", "A layer is requested twice; name each once.");
            if (request.WorldGenVersion > NewestWorldGenVersion)
                throw new RefusalException("invalid", $"This engine does not support world-gen version {request.WorldGenVersion}.");
        }

        void WriteCapabilities(JsonWriter json)
        {
            json.BeginObject();
            json.Name("layers").BeginArray();
            foreach (var layer in _maker.Layers)
                layer.Write(json);
            json.EndArray();
            json.Name("world_gen_versions").BeginArray();
            for (var version = 0; version <= NewestWorldGenVersion; version++)
                json.Value(version);
            json.EndArray();
            json.Member("min_size", 64).Member("max_size", 8192);
            json.EndObject();
        }

        void Fence(long token)
        {
            if (token < _token)
                throw new RefusalException("fenced", $"Token {token} is stale (current: {_token}); acquire a new lease.");
        }

        void RefuseIfUnwell()
        {
            RefuseIfBroken();
            if (_isDraining)
                throw new RefusalException("draining", "The engine is draining and accepts no more jobs; use another one.");
        }

        void RefuseIfBroken()
        {
            if (_error != null)
                throw new RefusalException("engine_error", $"The engine is broken, destroy it: {_error.Message}");
        }

        void RefuseIfBusy(params EngineState[] states)
        {
            if (Array.IndexOf(states, _state) >= 0)
                throw new RefusalException("busy", $"The engine is {Job.Word(_state)}; ask again when it is ready.");
        }

        Job Known(string jobId)
        {
            if (_job == null || _job.Request.JobId != jobId)
                throw new RefusalException("unknown_job", $"Unknown job {jobId}; a reset may have deleted it; start it again.");
            return _job;
        }

        void Break(Fault error)
        {
            lock (_gate)
                Fail(error);
            _log(error.Message);
        }

        void Fail(Fault error)
        {
            _state = EngineState.Error;
            _error = _error ?? error;
            Tell();
        }

        double IdleSeconds
        {
            get
            {
                var isBusy = _state == EngineState.Starting || _state == EngineState.Generating || _state == EngineState.Resetting;
                return isBusy ? 0 : Now - _used;
            }
        }

        bool WaitFor(Func<bool> isTrue, double seconds)
        {
            var ends = Now + seconds;
            while (!isTrue())
            {
                var left = ends - Now;
                if (left <= 0)
                    return false;
                Monitor.Wait(_gate, (int)Math.Min(Math.Ceiling(left * 1000), int.MaxValue));
            }
            return true;
        }

        void Tell()
        {
            Monitor.PulseAll(_gate);
        }

        static void Begin(string name, ThreadStart act)
        {
            new Thread(act) { IsBackground = true, Name = name }.Start();
        }

        static long ResidentMemory()
        {
            try
            {
                var pages = File.ReadAllText("/proc/self/statm").Split(' ')[1];
                return long.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }
}
