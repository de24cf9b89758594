using System;
using System.Reflection;
using System.Reflection.Emit;

namespace Vwe.Engine
{
    /// <summary>
    /// Delegates to methods that are found at run time. A method fits a delegate if it begins with the delegate's
    /// parameters, and all further parameters have defaults, because later versions of the game add such. The
    /// first parameter of a delegate is the object, ignored for a static method. Enumerations pass as int.
    /// </summary>
    internal static class Adapter
    {
        const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

        /// <summary>Returns a delegate for the method that fits with the fewest defaults, or null if none fits.</summary>
        public static T TryFind<T>(Type type, string name) where T : class
        {
            MethodInfo best = null;
            foreach (var method in type.GetMethods(Any))
                if (method.Name == name && Fits(method, typeof(T).GetMethod("Invoke"))
                    && (best == null || method.GetParameters().Length < best.GetParameters().Length))
                    best = method;
            return best == null ? null : To<T>(best);
        }

        static bool Fits(MethodInfo method, MethodInfo wanted)
        {
            var has = method.GetParameters();
            var given = wanted.GetParameters();
            if (method.IsGenericMethodDefinition || has.Length < given.Length - 1 || !Passes(method.ReturnType, wanted.ReturnType))
                return false;
            for (var i = 0; i < has.Length; i++)
                if (i < given.Length - 1 ? !Passes(has[i].ParameterType, given[i + 1].ParameterType) : !HasUsableDefault(has[i]))
                    return false;
            return true;
        }

        static bool Passes(Type theirs, Type ours)
        {
            return theirs == ours
                || ours == typeof(object) && !theirs.IsValueType && !theirs.IsByRef && theirs != typeof(void)
                || ours == typeof(int) && theirs.IsEnum && Enum.GetUnderlyingType(theirs) == typeof(int);
        }

        static bool HasUsableDefault(ParameterInfo parameter)
        {
            var type = parameter.ParameterType;
            return parameter.IsOptional && (type == typeof(bool) || type == typeof(int) || type == typeof(float) || !type.IsValueType && !type.IsByRef);
        }

        static T To<T>(MethodInfo method) where T : class
        {
            var wanted = typeof(T).GetMethod("Invoke");
            var given = Array.ConvertAll(wanted.GetParameters(), parameter => parameter.ParameterType);
            var adapter = new DynamicMethod("To" + method.Name, wanted.ReturnType, given, typeof(Adapter).Module, true);
            var code = adapter.GetILGenerator();
            if (!method.IsStatic)
            {
                code.Emit(OpCodes.Ldarg_0);
                code.Emit(OpCodes.Castclass, method.DeclaringType);
            }
            var has = method.GetParameters();
            for (var i = 0; i < has.Length; i++)
            {
                if (i >= given.Length - 1)
                {
                    EmitDefault(code, has[i]);
                    continue;
                }
                code.Emit(OpCodes.Ldarg, (short)(i + 1));
                if (given[i + 1] == typeof(object))
                    code.Emit(OpCodes.Castclass, has[i].ParameterType);
            }
            code.Emit(method.IsVirtual ? OpCodes.Callvirt : OpCodes.Call, method);
            code.Emit(OpCodes.Ret);
            return (T)(object)adapter.CreateDelegate(typeof(T));
        }

        static void EmitDefault(ILGenerator code, ParameterInfo parameter)
        {
            var value = parameter.DefaultValue;
            if (value is bool)
                code.Emit((bool)value ? OpCodes.Ldc_I4_1 : OpCodes.Ldc_I4_0);
            else if (value is int)
                code.Emit(OpCodes.Ldc_I4, (int)value);
            else if (value is float)
                code.Emit(OpCodes.Ldc_R4, (float)value);
            else if (value is string)
                code.Emit(OpCodes.Ldstr, (string)value);
            else
                code.Emit(OpCodes.Ldnull);
        }
    }
}
