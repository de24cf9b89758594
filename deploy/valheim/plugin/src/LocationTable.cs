using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;

namespace Vwe.Engine
{
    /// <summary>
    /// The game's lists of location types and alt-biomes. They are read once, on the main thread, after the game has set
    /// them up; the rows are those that the game places, in the order in which it places them.
    /// </summary>
    internal sealed class LocationTable
    {
        readonly List<string> _missing = new List<string>();
        readonly Variable _zones;
        readonly Variable _locations;
        readonly Variable _isEnabled;
        readonly Variable _quantity;
        readonly Variable _isPrioritized;
        readonly Variable _prefab;
        readonly Variable _prefabName;
        readonly Variable _altBiomes;
        readonly Variable _altBiomeList;
        readonly Variable _altBiomeName;
        readonly Column[] _typeColumns;
        readonly Column[] _altBiomeColumns;
        volatile string _json;
        volatile string _why = "The game has not set up its locations yet.";

        public LocationTable(Binder game)
        {
            var zones = game.Type("ZoneSystem");
            _zones = Found("ZoneSystem.instance", game.Variable(zones, "instance"));
            _locations = Found("ZoneSystem.m_locations", game.Variable(zones, "m_locations", typeof(IEnumerable)));
            var type = game.Type("ZoneSystem+ZoneLocation");
            _isEnabled = Found("ZoneLocation.m_enable", game.Variable(type, "m_enable", typeof(bool)));
            _quantity = Found("ZoneLocation.m_quantity", game.Variable(type, "m_quantity", typeof(int)));
            _isPrioritized = Found("ZoneLocation.m_prioritized", game.Variable(type, "m_prioritized", typeof(bool)));
            _prefab = Found("ZoneLocation.m_prefab", game.Variable(type, "m_prefab"));
            _prefabName = _prefab == null ? null : Found("ZoneLocation.m_prefab.Name", game.Variable(_prefab.Type, "Name", typeof(string)));
            var altBiome = game.Type("AltBiome");
            _altBiomeName = Found("AltBiome.m_name", game.Variable(altBiome, "m_name", typeof(string)));
            var list = game.Type("AltBiomeList");
            _altBiomes = Found("AltBiomeList.m_altBiomes", game.Variable(list, "m_altBiomes", typeof(IEnumerable)));
            if (_altBiomes != null && !_altBiomes.IsStatic)
                _altBiomeList = Found("AltBiomeList.instance", game.Variable(list, "instance"));
            _typeColumns = TypeColumns(game, type);
            _altBiomeColumns = AltBiomeColumns(game, altBiome);
            foreach (var column in _typeColumns)
                Found("ZoneLocation." + column.Member, column.Variable);
            foreach (var column in _altBiomeColumns)
                Found("AltBiome." + column.Member, column.Variable);
        }

        /// <summary>Reads the lists. On the main thread, when the game has its locations.</summary>
        /// <param name="gameVersion">The version of the game; null if unknown.</param>
        /// <param name="plugins">The other plugins, which may have changed the lists.</param>
        /// <returns>The reason why they cannot be read, or null.</returns>
        public string Read(string gameVersion, ICollection<string> plugins)
        {
            if (_missing.Count > 0)
                return _why = $"The game lacks members from which the location table is read: {string.Join(", ", _missing.ToArray())}.";
            try
            {
                _json = Document(gameVersion, string.Join(", ", new List<string>(plugins).ToArray()));
                return null;
            }
            catch (Exception error)
            {
                var cause = error is TargetInvocationException && error.InnerException != null ? error.InnerException : error;
                return _why = $"The location table cannot be read: {cause.Message.TrimEnd('.')}.";
            }
        }

        /// <summary>Returns the table as JSON.</summary>
        /// <exception cref="RefusalException">The table could not be read.</exception>
        public string Json()
        {
            if (_json == null)
                throw new RefusalException("not_found", _why);
            return _json;
        }

        static Column[] TypeColumns(Binder game, Type type)
        {
            return new[]
            {
                new Column("name", "m_name", game.Variable(type, "m_name", typeof(string))),
                new Column("biome", "m_biome", game.Variable(type, "m_biome", typeof(Enum))),
                new Column("area", "m_biomeArea", game.Variable(type, "m_biomeArea", typeof(Enum))),
                new Column("quantity", "m_quantity", game.Variable(type, "m_quantity", typeof(int))),
                new Column("prioritized", "m_prioritized", game.Variable(type, "m_prioritized", typeof(bool))),
                new Column("center_first", "m_centerFirst", game.Variable(type, "m_centerFirst", typeof(bool))),
                new Column("unique", "m_unique", game.Variable(type, "m_unique", typeof(bool))),
                new Column("min_altitude", "m_minAltitude", game.Variable(type, "m_minAltitude", typeof(float))),
                new Column("max_altitude", "m_maxAltitude", game.Variable(type, "m_maxAltitude", typeof(float))),
                new Column("similar", "m_minDistanceFromSimilar", game.Variable(type, "m_minDistanceFromSimilar", typeof(float))),
                new Column("group", "m_group", game.Variable(type, "m_group", typeof(string))),
                new Column("max_similar", "m_maxDistanceFromSimilar", game.Variable(type, "m_maxDistanceFromSimilar", typeof(float))),
                new Column("group_max", "m_groupMax", game.Variable(type, "m_groupMax", typeof(string))),
                new Column("exterior", "m_exteriorRadius", game.Variable(type, "m_exteriorRadius", typeof(float))),
                new Column("interior", "m_interiorRadius", game.Variable(type, "m_interiorRadius", typeof(float))),
                new Column("min_delta", "m_minTerrainDelta", game.Variable(type, "m_minTerrainDelta", typeof(float))),
                new Column("max_delta", "m_maxTerrainDelta", game.Variable(type, "m_maxTerrainDelta", typeof(float))),
                new Column("in_forest", "m_inForest", game.Variable(type, "m_inForest", typeof(bool))),
                new Column("forest_min", "m_forestTresholdMin", game.Variable(type, "m_forestTresholdMin", typeof(float))),
                new Column("forest_max", "m_forestTresholdMax", game.Variable(type, "m_forestTresholdMax", typeof(float))),
                new Column("min_vegetation", "m_minimumVegetation", game.Variable(type, "m_minimumVegetation", typeof(float))),
                new Column("max_vegetation", "m_maximumVegetation", game.Variable(type, "m_maximumVegetation", typeof(float))),
                new Column("surround", "m_surroundCheckVegetation", game.Variable(type, "m_surroundCheckVegetation", typeof(bool))),
                new Column("surround_distance", "m_surroundCheckDistance", game.Variable(type, "m_surroundCheckDistance", typeof(float))),
                new Column("surround_layers", "m_surroundCheckLayers", game.Variable(type, "m_surroundCheckLayers", typeof(int))),
                new Column("surround_better", "m_surroundBetterThanAverage", game.Variable(type, "m_surroundBetterThanAverage", typeof(float))),
                new Column("min_distance", "m_minDistance", game.Variable(type, "m_minDistance", typeof(float))),
                new Column("max_distance", "m_maxDistance", game.Variable(type, "m_maxDistance", typeof(float))),
                new Column("min_center", "m_minDistanceFromCenter", game.Variable(type, "m_minDistanceFromCenter", typeof(float))),
                new Column("max_center", "m_maxDistanceFromCenter", game.Variable(type, "m_maxDistanceFromCenter", typeof(float))),
                new Column("alt_biome", "m_altBiome", game.Variable(type, "m_altBiome", typeof(object))),
            };
        }

        static Column[] AltBiomeColumns(Binder game, Type altBiome)
        {
            return new[]
            {
                new Column("biome", "m_biome", game.Variable(altBiome, "m_biome", typeof(Enum))),
                new Column("min", "m_min", game.Variable(altBiome, "m_min", typeof(int))),
                new Column("max", "m_max", game.Variable(altBiome, "m_max", typeof(int))),
                new Column("chance", "m_chance", game.Variable(altBiome, "m_chance", typeof(float))),
                new Column("distance", "m_minDistance", game.Variable(altBiome, "m_minDistance", typeof(float))),
                new Column("min_edge", "m_minEdge", game.Variable(altBiome, "m_minEdge", typeof(int))),
                new Column("max_edge", "m_maxEdge", game.Variable(altBiome, "m_maxEdge", typeof(int))),
                new Column("incompatible", "m_incompatible", game.Variable(altBiome, "m_incompatible", typeof(IEnumerable))),
                new Column("blocks", "m_blockedLocations", game.Variable(altBiome, "m_blockedLocations", typeof(IEnumerable))),
            };
        }

        string Document(string gameVersion, string plugins)
        {
            var json = new JsonWriter();
            json.BeginObject();
            json.Member("name", "Location table of the game");
            json.Name("game_versions").BeginArray();
            if (!string.IsNullOrEmpty(gameVersion))
                json.Value(gameVersion);
            json.EndArray();
            var others = plugins == "" ? "" : $"; other plugins: {plugins}";
            json.Member("sources", $"lists of the running game, read by {EnginePlugin.Guid} {EnginePlugin.Version}{others}");
            json.Name("types").BeginArray();
            foreach (var type in InRunningOrder())
            {
                json.BeginObject();
                json.Member("prefab", (string)_prefabName.Get(_prefab.Get(type)) ?? "");
                Write(json, _typeColumns, type);
                json.EndObject();
            }
            json.EndArray();
            json.Name("alt_biomes").BeginArray();
            foreach (var altBiome in (IEnumerable)_altBiomes.Get(_altBiomeList == null ? null : _altBiomeList.Get(null)))
            {
                json.BeginObject();
                json.Member("name", NameOf(altBiome));
                Write(json, _altBiomeColumns, altBiome);
                json.EndObject();
            }
            json.EndArray();
            json.EndObject();
            return json.ToString();
        }

        /// <summary>Returns the enabled types in the game's order: prioritized ones first, otherwise as in the list.</summary>
        List<object> InRunningOrder()
        {
            var prioritized = new List<object>();
            var others = new List<object>();
            foreach (var type in (IEnumerable)_locations.Get(_zones.Get(null)))
                if ((bool)_isEnabled.Get(type) && (int)_quantity.Get(type) > 0)
                    ((bool)_isPrioritized.Get(type) ? prioritized : others).Add(type);
            prioritized.AddRange(others);
            if (prioritized.Count == 0)
                throw new InvalidOperationException("the game's list of location types is empty");
            return prioritized;
        }

        void Write(JsonWriter json, Column[] columns, object row)
        {
            foreach (var column in columns)
            {
                var value = column.Variable.Get(row);
                if (value is bool)
                    json.Member(column.Name, (bool)value);
                else if (value is float)
                    json.Member(column.Name, (double)(float)value);
                else if (value is int || value is Enum)
                    json.Member(column.Name, Convert.ToInt64(value));
                else if (column.IsList)
                    WriteNames(json.Name(column.Name), (IEnumerable)value);
                else
                    json.Member(column.Name, NameOf(value));
            }
        }

        void WriteNames(JsonWriter json, IEnumerable names)
        {
            json.BeginArray();
            foreach (var name in names ?? new object[0])
                json.Value(NameOf(name));
            json.EndArray();
        }

        /// <summary>Returns a name, or the name of an alt-biome.</summary>
        string NameOf(object named)
        {
            return named == null ? "" : named as string ?? (string)_altBiomeName.Get(named) ?? "";
        }

        Variable Found(string member, Variable variable)
        {
            if (variable == null && !_missing.Contains(member))
                _missing.Add(member);
            return variable;
        }

        /// <summary>A column of the table and the member of the game from which it is read.</summary>
        sealed class Column
        {
            public readonly string Name;
            public readonly string Member;
            public readonly Variable Variable;

            public Column(string name, string member, Variable variable)
            {
                Name = name;
                Member = member;
                Variable = variable;
            }

            public bool IsList
            {
                get { return Variable.Type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(Variable.Type); }
            }
        }
    }
}
