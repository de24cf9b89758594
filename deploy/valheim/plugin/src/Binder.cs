using System;
using System.Collections.Generic;
using System.Reflection;

namespace Vwe.Engine
{
    /// <summary>
    /// Finds members of the game by name. A missing member is null and is added to the list of missing members, so that a
    /// change of the game disables a capability and not the whole plugin.
    /// </summary>
    internal sealed class Binder
    {
        const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

        readonly Assembly _game;
        readonly List<string> _missing = new List<string>();

        /// <param name="game">The game's assembly, or null without one; then all members are missing.</param>
        public Binder(Assembly game)
        {
            _game = game;
        }

        /// <summary>The missing members, as requested.</summary>
        public string[] Missing
        {
            get { lock (_missing) return _missing.ToArray(); }
        }

        /// <summary>Records a member as missing.</summary>
        public void Miss(string what)
        {
            lock (_missing)
                if (!_missing.Contains(what))
                    _missing.Add(what);
        }

        /// <summary>Finds a type by its name; a nested type follows a plus sign.</summary>
        public Type Type(string name)
        {
            var type = _game == null ? null : _game.GetType(name);
            if (type == null)
                Miss(name.Replace('+', '.'));
            return type;
        }

        /// <summary>Finds a method that fits a delegate, see <see cref="Adapter"/>.</summary>
        public T Method<T>(Type type, string name) where T : class
        {
            var found = type == null ? null : Adapter.TryFind<T>(type, name);
            if (found == null && type != null)
            {
                var wanted = Array.ConvertAll(typeof(T).GetMethod("Invoke").GetParameters(), parameter => parameter.ParameterType.Name);
                Miss($"{type.Name}.{name}({string.Join(", ", wanted, 1, wanted.Length - 1)})");
            }
            return found;
        }

        /// <summary>Finds a constructor with exactly these parameters.</summary>
        public ConstructorInfo Constructor(Type type, params Type[] parameters)
        {
            var found = type == null ? null : type.GetConstructor(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance, null, parameters, null);
            if (found == null && type != null)
                Miss($"{type.Name}({string.Join(", ", Array.ConvertAll(parameters, parameter => parameter.Name))})");
            return found;
        }

        /// <summary>Finds a field or a property.</summary>
        /// <param name="type">The type that has it.</param>
        /// <param name="name">Its name.</param>
        /// <param name="value">The type of its value; null for any.</param>
        public Variable Variable(Type type, string name, Type value = null)
        {
            if (type == null)
                return null;
            var field = type.GetField(name, Any);
            var property = field == null ? type.GetProperty(name, Any) : null;
            var has = field != null ? field.FieldType : property != null ? property.PropertyType : null;
            if (has != null && (value == null || value.IsAssignableFrom(has)))
                return new Variable(field, property);
            Miss($"{type.Name}.{name}");
            return null;
        }
    }

    /// <summary>A field or a property of the game; the object is null if the member is static.</summary>
    internal sealed class Variable
    {
        readonly FieldInfo _field;
        readonly PropertyInfo _property;

        public Variable(FieldInfo field, PropertyInfo property)
        {
            _field = field;
            _property = property;
        }

        /// <summary>The type of its value.</summary>
        public Type Type
        {
            get { return _field != null ? _field.FieldType : _property.PropertyType; }
        }

        public bool IsStatic
        {
            get { return _field != null ? _field.IsStatic : _property.GetGetMethod(true).IsStatic; }
        }

        public object Get(object of)
        {
            return _field != null ? _field.GetValue(of) : _property.GetValue(of, null);
        }

        public void Set(object of, object value)
        {
            if (_field != null)
                _field.SetValue(of, value);
            else
                _property.SetValue(of, value, null);
        }
    }
}
