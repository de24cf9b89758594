using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Vwe.Engine
{
    /// <summary>
    /// Work of other threads for the game's main thread, done in Update: at least one piece per frame, and more
    /// as long as the frame's budget lasts.
    /// </summary>
    internal sealed class MainThread
    {
        readonly object _gate = new object();
        readonly Queue<Work> _queue = new Queue<Work>();
        readonly double _budgetSeconds;

        public MainThread(double budgetSeconds)
        {
            _budgetSeconds = budgetSeconds;
        }

        /// <summary>Does the waiting work; called by the main thread once per frame.</summary>
        public void Pump()
        {
            var watch = Stopwatch.StartNew();
            var pieces = 0;
            while (pieces++ == 0 || watch.Elapsed.TotalSeconds < _budgetSeconds)
            {
                Work work;
                lock (_gate)
                {
                    if (_queue.Count == 0)
                        return;
                    work = _queue.Dequeue();
                    work.HasBegun |= !work.IsWithdrawn;
                }
                var isOver = !work.HasBegun || work.Do();
                lock (_gate)
                {
                    work.IsOver = isOver;
                    Monitor.PulseAll(_gate);
                    if (isOver)
                        continue;
                    _queue.Enqueue(work);
                }
                // Unfinished work is called again in the next frame.
                return;
            }
        }

        /// <summary>Runs work on the main thread and waits for it.</summary>
        /// <param name="act">The work.</param>
        /// <param name="isStopped">Called while waiting; once it returns true, work that has not begun is dropped.</param>
        /// <exception cref="StopException">The job was stopped before the main thread began the work.</exception>
        /// <exception cref="MainThreadException">The work failed.</exception>
        public void Run(Action act, Func<bool> isStopped)
        {
            Poll(Once(act), isStopped);
        }

        /// <summary>The same for work of several frames: it is called in each frame until it returns true.</summary>
        public void Poll(Func<bool> step, Func<bool> isStopped)
        {
            Wait(new Work(step), isStopped, double.PositiveInfinity);
        }

        /// <summary>Runs work on the main thread, and waits for it up to a time limit.</summary>
        /// <exception cref="TimeoutException">The time limit passed.</exception>
        /// <exception cref="MainThreadException">The work failed.</exception>
        public void RunWithin(double seconds, Action act)
        {
            Wait(new Work(Once(act)), () => false, seconds);
        }

        static Func<bool> Once(Action act)
        {
            return () =>
            {
                act();
                return true;
            };
        }

        void Wait(Work work, Func<bool> isStopped, double seconds)
        {
            var watch = Stopwatch.StartNew();
            lock (_gate)
            {
                _queue.Enqueue(work);
                while (!work.IsOver)
                {
                    Monitor.Wait(_gate, 20);
                    var isLate = watch.Elapsed.TotalSeconds >= seconds && !work.IsOver;
                    work.IsWithdrawn |= !work.HasBegun && (isLate || isStopped());
                    if (isLate)
                        throw new TimeoutException($"the game's main thread did not respond within {seconds:0.#} s");
                }
            }
            if (!work.HasBegun)
                throw new StopException();
            if (work.Error != null)
                throw new MainThreadException(work.Error);
        }

        sealed class Work
        {
            readonly Func<bool> _step;

            public bool HasBegun;
            public bool IsWithdrawn;
            public bool IsOver;
            public Exception Error;

            public Work(Func<bool> step)
            {
                _step = step;
            }

            public bool Do()
            {
                try
                {
                    return _step();
                }
                catch (Exception error)
                {
                    Error = error;
                    return true;
                }
            }
        }
    }

    /// <summary>Ends a job after a request to stop it.</summary>
    internal sealed class StopException : Exception { }

    /// <summary>An exception on the main thread.</summary>
    internal sealed class MainThreadException : Exception
    {
        public MainThreadException(Exception error) : base(Root(error).Message, Root(error)) { }

        static Exception Root(Exception error)
        {
            return error is System.Reflection.TargetInvocationException && error.InnerException != null ? Root(error.InnerException) : error;
        }
    }
}
