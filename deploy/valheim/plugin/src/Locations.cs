using System;
using System.Collections;
using System.Collections.Generic;
using UnityEngine;

namespace Vwe.Engine
{
    internal delegate void Act(object of);

    /// <summary>
    /// Places locations: boss altars, vendors, dungeons. The game does this once, when it starts; here it does it again
    /// for another world. The engine offers them only after a trial: it switches to another world and back, and then the
    /// locations of the first world must equal those of the game's start.
    /// </summary>
    internal sealed class Locations
    {
        const int MaxNameLength = 256;

        readonly Variable _zones;
        readonly Variable _instances;
        readonly Variable _areGenerated;
        readonly Act _generate;
        readonly Variable _altBiomes;
        readonly Variable _sectors;
        readonly Act _generateBiomePoints;
        readonly Act _generateSectors;
        readonly Variable _net;
        readonly Variable _netWorld;
        readonly Variable _peers;
        readonly Variable _location;
        readonly Variable _position;
        readonly Variable _isPlaced;
        readonly Variable _prefab;
        readonly Variable _group;
        readonly Variable _radius;

        public Locations(Binder game)
        {
            var zones = game.Type("ZoneSystem");
            _zones = game.Variable(zones, "instance");
            _instances = game.Variable(zones, "m_locationInstances", typeof(IDictionary));
            _areGenerated = game.Variable(zones, "m_locationsGenerated", typeof(bool));
            _generate = game.Method<Act>(zones, "GenerateLocations");
            _altBiomes = game.Variable(zones, "m_altBiomes", typeof(IEnumerable));
            _sectors = game.Variable(game.Type("AltBiome"), "Sectors");
            var generator = game.Type("WorldGenerator");
            _generateBiomePoints = game.Method<Act>(generator, "GenerateBiomePoints");
            _generateSectors = game.Method<Act>(generator, "GenerateSectors");
            var net = game.Type("ZNet");
            _net = game.Variable(net, "instance");
            _netWorld = game.Variable(net, "m_world");
            _peers = game.Variable(net, "m_peers", typeof(ICollection));
            var instance = game.Type("ZoneSystem+LocationInstance");
            _location = game.Variable(instance, "m_location");
            _position = game.Variable(instance, "m_position", typeof(Vector3));
            _isPlaced = game.Variable(instance, "m_placed", typeof(bool));
            var location = game.Type("ZoneSystem+ZoneLocation");
            _prefab = game.Variable(location, "m_prefabName", typeof(string));
            _group = game.Variable(location, "m_group", typeof(string));
            _radius = game.Variable(location, "m_exteriorRadius", typeof(float));
            CanRegenerate = Array.TrueForAll(
                new object[]
                {
                    _zones, _instances, _areGenerated, _generate, _altBiomes, _sectors, _generateBiomePoints, _generateSectors,
                    _net, _netWorld, _peers, _location, _position, _isPlaced, _prefab, _group, _radius,
                },
                member => member != null);
        }

        /// <summary>True if all needed members exist.</summary>
        public bool CanRegenerate { get; private set; }

        /// <summary>True if the game has placed the locations of its first world, or if that is unknown.</summary>
        public bool AreGenerated
        {
            get
            {
                if (_zones == null || _areGenerated == null)
                    return true;
                var zones = _zones.Get(null);
                return zones != null && (bool)_areGenerated.Get(zones);
            }
        }

        /// <summary>Begins to place the locations of the generator's world. On the main thread.</summary>
        public void Begin(object generator, object world)
        {
            var net = _net.Get(null);
            if (((ICollection)_peers.Get(net)).Count > 0)
                throw new InvalidOperationException("a player is on this server; locations are placed on an empty server only");
            Enter(world);
            var zones = _zones.Get(null);
            foreach (var altBiome in (IEnumerable)_altBiomes.Get(zones))
                Clear(_sectors.Get(altBiome));
            _generateBiomePoints(generator);
            _generateSectors(generator);
            ((IDictionary)_instances.Get(zones)).Clear();
            _areGenerated.Set(zones, false);
            _generate(zones);
        }

        /// <summary>Sets the world of the server. On the main thread.</summary>
        public void Enter(object world)
        {
            _netWorld.Set(null, world);
        }

        /// <summary>Returns the locations that the game placed last, each as JSON, sorted by prefab and place.</summary>
        /// <exception cref="LocationException">The protocol cannot represent a location.</exception>
        public List<string> Lines()
        {
            var found = new List<KeyValuePair<string, string>>();
            foreach (var instance in ((IDictionary)_instances.Get(_zones.Get(null))).Values)
            {
                var location = _location.Get(instance);
                var at = (Vector3)_position.Get(instance);
                var prefab = Name(_prefab.Get(location));
                if (prefab == "")
                    throw new LocationException("a location has no name");
                var key = $"{prefab}\0{BitConverter.ToString(BitConverter.GetBytes(at.x))}{BitConverter.ToString(BitConverter.GetBytes(at.z))}";
                found.Add(new KeyValuePair<string, string>(key, Line(prefab, location, instance, at)));
            }
            found.Sort((one, other) => string.CompareOrdinal(one.Key, other.Key));
            return found.ConvertAll(pair => pair.Value);
        }

        string Line(string prefab, object location, object instance, Vector3 at)
        {
            var json = new JsonWriter();
            try
            {
                json.BeginObject();
                json.Member("kind", "location").Member("prefab", prefab).Member("group", Name(_group.Get(location)));
                json.Member("x_m", (double)at.x).Member("y_m", (double)at.y).Member("z_m", (double)at.z);
                json.Member("radius_m", (double)(float)_radius.Get(location)).Member("placed", (bool)_isPlaced.Get(instance));
                json.EndObject();
            }
            catch (NotFiniteNumberException error)
            {
                throw new LocationException($"the location {prefab} cannot be reported: {error.Message}");
            }
            return json.ToString();
        }

        static string Name(object name)
        {
            var text = (string)name ?? "";
            if (text.Length > MaxNameLength)
                throw new LocationException($"a location has a name of {text.Length} characters, more than {MaxNameLength}: {text.Substring(0, 40)}…");
            return text;
        }

        static void Clear(object collection)
        {
            collection.GetType().GetMethod("Clear", Type.EmptyTypes).Invoke(collection, null);
        }
    }

    /// <summary>A location that the protocol cannot represent.</summary>
    internal sealed class LocationException : Exception
    {
        public LocationException(string message) : base(message) { }
    }
}
