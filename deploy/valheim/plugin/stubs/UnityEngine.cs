// Stand-ins for the members of UnityEngine.CoreModule that the plugin uses. As in the game, members for the main thread
// reject other threads.
using System;
using System.Threading;

namespace UnityEngine
{
    public class Object { }

    public class Component : Object { }

    public class Behaviour : Component { }

    public class MonoBehaviour : Behaviour { }

    public struct Vector2
    {
        public float x;
        public float y;

        public Vector2(float x, float y)
        {
            this.x = x;
            this.y = y;
        }
    }

    public struct Vector3
    {
        public float x;
        public float y;
        public float z;

        public Vector3(float x, float y, float z)
        {
            this.x = x;
            this.y = y;
            this.z = z;
        }
    }

    public struct Color
    {
        public float r;
        public float g;
        public float b;
        public float a;

        public Color(float r, float g, float b, float a)
        {
            this.r = r;
            this.g = g;
            this.b = b;
            this.a = a;
        }
    }

    public static class Random
    {
        public struct State
        {
            internal uint s0;
        }

        static State _state = new State { s0 = 20220101 };

        public static State state
        {
            get { MainThread.Require(); return _state; }
            set { MainThread.Require(); _state = value; }
        }

        public static float value
        {
            get { MainThread.Require(); return (_state.s0 = _state.s0 * 1664525u + 1013904223u) / 4294967296f; }
        }

        public static void InitState(int seed)
        {
            MainThread.Require();
            _state.s0 = (uint)seed;
        }
    }

    public static class Application
    {
        public static string unityVersion
        {
            get { return "6000.0.0-stand-in"; }
        }

        /// <summary>For the host: the exit code, once the game has to end.</summary>
        public static int? QuitCode;

        public static void Quit(int exitCode)
        {
            QuitCode = QuitCode ?? exitCode;
        }
    }

    /// <summary>For the host and other stand-ins.</summary>
    public static class MainThread
    {
        public static Thread Thread;

        public static void Require()
        {
            if (Thread.CurrentThread != Thread)
                throw new InvalidOperationException("only the main thread may call this");
        }
    }
}
