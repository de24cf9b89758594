using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Vwe.Engine
{
    /// <summary>
    /// The protocol's calls over HTTP, on separate threads, so that the engine answers whatever the game does. Every
    /// call must carry the token. Besides authorization nothing is decided here.
    /// </summary>
    internal sealed class HttpServer
    {
        // Half of the threads stay free for answers while the others wait for a job.
        const int Threads = 2 * Jobs.MaxWaiting;
        const int MaxBodyBytes = 64 * 1024;
        const double BodySeconds = 5;
        const double RestSeconds = 0.05;
        const double ChunkSeconds = 10;
        const double LastAnswersSeconds = 2;
        const int ChunkBytes = 1024 * 1024;
        const int ShownLength = 100;

        readonly HttpListener _listener;
        readonly Calls _calls;
        readonly byte[] _expected;
        readonly Action<string> _log;
        int _answering;
        int _lost;

        HttpServer(HttpListener listener, Calls calls, string token, Action<string> log)
        {
            _listener = listener;
            _calls = calls;
            _expected = Encoding.UTF8.GetBytes("Bearer " + token);
            _log = log;
        }

        /// <summary>Starts to listen; port 0 selects a free port, which is logged.</summary>
        /// <exception cref="SettingsException">The address cannot be used.</exception>
        public static HttpServer Start(Settings settings, Calls calls, Action<string> log)
        {
            var port = settings.Port != 0 ? settings.Port : FreePort();
            var listener = new HttpListener();
            var host = settings.Host == "0.0.0.0" ? "*" : settings.Host;
            listener.Prefixes.Add($"http://{host}:{port}/");
            try
            {
                listener.Start();
            }
            catch (Exception error) when (error is HttpListenerException || error is SocketException)
            {
                throw new SettingsException($"The engine cannot listen at {settings.Host}:{port}: {error.Message}");
            }
            var server = new HttpServer(listener, calls, settings.Token, log);
            for (var i = 0; i < Threads; i++)
                new Thread(server.Serve) { IsBackground = true, Name = "vwe http" }.Start();
            log($"Ready at http://{settings.Host}:{port}");
            return server;
        }

        /// <summary>Stops once no call is being answered, or after a short time; callers that wait for a job do not delay it.</summary>
        public void Stop()
        {
            var watch = Stopwatch.StartNew();
            while (Volatile.Read(ref _answering) > 0 && watch.Elapsed.TotalSeconds < LastAnswersSeconds)
                Thread.Sleep(10);
            _listener.Close();
        }

        static int FreePort()
        {
            var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            return port;
        }

        void Serve()
        {
            while (true)
            {
                HttpListenerContext context;
                try
                {
                    context = _listener.GetContext();
                }
                catch (Exception error) when (error is HttpListenerException || error is ObjectDisposedException || error is InvalidOperationException)
                {
                    return;
                }
                Interlocked.Increment(ref _answering);
                try
                {
                    Answer(context);
                }
                catch (Exception error)
                {
                    TellOfLost(context.Request, error);
                    context.Response.Abort();
                }
                finally
                {
                    Interlocked.Decrement(ref _answering);
                }
            }
        }

        void Answer(HttpListenerContext context)
        {
            // Fails if the listener has rejected the request itself but passes it on anyway.
            context.Response.KeepAlive = true;
            Reply reply;
            bool isAsked = false, isRead = !context.Request.HasEntityBody;
            Func<string> body = () =>
            {
                isAsked = true;
                var text = Body(context.Request);
                isRead = true;
                return text;
            };
            try
            {
                RejectPages(context.Request);
                RequireToken(context.Request);
                reply = _calls.Answer(context.Request.HttpMethod, context.Request.RawUrl, body);
            }
            catch (RefusalException refusal)
            {
                reply = Reply.Refused(refusal);
            }
            catch (Exception error) when (!(error is IOException || error is HttpListenerException))
            {
                _log($"{Shown(context.Request)}: {error}");
                reply = Reply.Refused(new RefusalException("internal", "The engine failed to answer; see its log."));
            }
            // The listener reads the rest of a body before it reuses the connection, as long as data arrive.
            context.Response.KeepAlive = isRead || !isAsked && IsSoonRead(context.Request);
            Send(context.Response, reply, context.Request.HttpMethod == "HEAD" ? 0 : reply.Count);
        }

        /// <summary>
        /// Logs a caller that has disconnected, reads nothing or sends no HTTP: the first one, and then each time the number
        /// has doubled, because callers without the token could otherwise fill the log.
        /// </summary>
        void TellOfLost(HttpListenerRequest request, Exception error)
        {
            var lost = Interlocked.Increment(ref _lost);
            if ((lost & (lost - 1)) == 0)
                _log($"{Shown(request)}: {error.Message} Callers lost so far: {lost}.");
        }

        static string Shown(HttpListenerRequest request)
        {
            var url = request.RawUrl;
            var json = new JsonWriter();
            json.Value(url.Length > ShownLength ? url.Substring(0, ShownLength) + "…" : url);
            return $"{request.HttpMethod} {json}";
        }

        /// <summary>Rejects requests of pages in a browser, which can also reach this port; engines serve no pages.</summary>
        static void RejectPages(HttpListenerRequest request)
        {
            var site = request.Headers["Sec-Fetch-Site"];
            if (request.Headers["Origin"] != null || site != null && site != "none")
                throw new RefusalException("unauthorized", "A page in a browser sent this request; engines serve no pages.");
        }

        void RequireToken(HttpListenerRequest request)
        {
            var given = Encoding.UTF8.GetBytes(request.Headers["Authorization"] ?? "");
            var difference = given.Length ^ _expected.Length;
            for (var i = 0; i < given.Length && i < _expected.Length; i++)
                difference |= given[i] ^ _expected[i];
            if (difference != 0)
                throw new RefusalException("unauthorized", "Send the engine's token in the header Authorization: Bearer.");
        }

        /// <summary>Reads an unneeded body if it is short and has arrived.</summary>
        static bool IsSoonRead(HttpListenerRequest request)
        {
            return TryRead(request, new byte[MaxBodyBytes + 1], RestSeconds, out var filled) && filled <= MaxBodyBytes;
        }

        static string Body(HttpListenerRequest request)
        {
            var body = new byte[MaxBodyBytes + 1];
            if (!TryRead(request, body, BodySeconds, out var filled))
                throw new RefusalException("invalid", $"The body did not arrive within {BodySeconds} s.");
            if (filled > MaxBodyBytes)
                throw new RefusalException("too_large", $"A request has at most {MaxBodyBytes / 1024} KiB.");
            try
            {
                return new UTF8Encoding(false, true).GetString(body, 0, filled);
            }
            catch (ArgumentException)
            {
                throw new RefusalException("invalid", "The body is not UTF-8.");
            }
        }

        /// <summary>Reads a body to its end or to the end of the buffer; returns false if that exceeds the time limit.</summary>
        static bool TryRead(HttpListenerRequest request, byte[] body, double seconds, out int filled)
        {
            var watch = Stopwatch.StartNew();
            filled = 0;
            int count;
            do
            {
                var read = request.InputStream.BeginRead(body, filled, body.Length - filled, null, null);
                // A caller that sends nothing must not block a thread that others need.
                if (!IsDone(read, seconds - watch.Elapsed.TotalSeconds))
                    return false;
                count = request.InputStream.EndRead(read);
                filled += count;
            }
            while (count > 0 && filled < body.Length);
            return true;
        }

        static void Send(HttpListenerResponse response, Reply reply, int count)
        {
            response.StatusCode = reply.Status;
            response.ContentType = reply.ContentType;
            response.ContentLength64 = reply.Count;
            foreach (var header in reply.Headers)
                response.AddHeader(header.Key, header.Value);
            for (var sent = 0; sent < count; sent += ChunkBytes)
            {
                var write = response.OutputStream.BeginWrite(
                    reply.Bytes, reply.Offset + sent, Math.Min(ChunkBytes, count - sent), null, null);
                // A caller that reads nothing must not block a thread either.
                if (!IsDone(write, ChunkSeconds))
                    throw new IOException($"The caller took less than {ChunkBytes / 1024} KiB within {ChunkSeconds} s.");
                response.OutputStream.EndWrite(write);
            }
            response.Close();
            reply.WhenSent();
        }

        static bool IsDone(IAsyncResult act, double seconds)
        {
            return act.IsCompleted || seconds > 0 && act.AsyncWaitHandle.WaitOne((int)Math.Ceiling(seconds * 1000));
        }
    }

    /// <summary>The answer to a call.</summary>
    internal sealed class Reply
    {
        public int Status = 200;
        public string ContentType = "application/json";
        public byte[] Bytes;
        public int Offset;
        public int Count;
        public Action WhenSent = () => { };
        public readonly Dictionary<string, string> Headers = new Dictionary<string, string>();

        public static Reply Json(string document, int status = 200)
        {
            var bytes = Encoding.UTF8.GetBytes(document);
            return new Reply { Status = status, Bytes = bytes, Count = bytes.Length };
        }

        public static Reply Refused(RefusalException refusal)
        {
            var json = new JsonWriter();
            refusal.Fault.Write(json);
            var reply = Json(json.ToString(), refusal.Status);
            if (refusal.Status == 401)
                reply.Headers["WWW-Authenticate"] = "Bearer";
            return reply;
        }
    }
}
