using System;
using System.Collections.Generic;

namespace Vwe.Engine
{
    /// <summary>The protocol's reason for a rejected call or a failed job.</summary>
    internal sealed class Fault
    {
        public readonly string Code;
        public readonly string Message;
        public readonly bool Retryable;

        public Fault(string code, string message, bool retryable = false)
        {
            Code = code;
            Message = message;
            Retryable = retryable;
        }

        public void Write(JsonWriter json)
        {
            json.BeginObject();
            json.Member("code", Code).Member("message", Message).Member("retryable", Retryable);
            json.EndObject();
        }
    }

    /// <summary>A call that the engine rejects. The codes and their HTTP statuses are those of the protocol.</summary>
    internal sealed class RefusalException : Exception
    {
        static readonly Dictionary<string, int> Statuses = new Dictionary<string, int>
        {
            { "unauthorized", 401 },
            { "not_found", 404 },
            { "unknown_job", 404 },
            { "unknown_layer", 404 },
            { "method_not_allowed", 405 },
            { "busy", 409 },
            { "fenced", 409 },
            { "job_conflict", 409 },
            { "not_claimed", 409 },
            { "not_done", 409 },
            { "too_large", 413 },
            { "invalid", 422 },
            { "internal", 500 },
            { "reset_failed", 500 },
            { "draining", 503 },
            { "engine_error", 503 },
        };

        public readonly Fault Fault;
        public readonly int Status;

        public RefusalException(string code, string message, int status = 0) : base(message)
        {
            Fault = new Fault(code, message, code == "busy" || code == "not_done");
            Status = status == 0 ? Statuses[code] : status;
        }
    }
}
