package dynamics

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// members are those of a piece of metadata, as JSON.
type members = map[string]any

// labelled is a label as metadata has it.
func labelled(text string) members {
	one := members{"Label": text, "LanguageCode": 1033, "IsManaged": true, "MetadataId": derive("label", text).String(), "HasChanged": nil}
	return members{"LocalizedLabels": []any{one}, "UserLocalizedLabel": one}
}

func managed(value bool) members {
	return members{"Value": value, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyadditionalsettings"}
}

// definition describes a table.
func (t *table) definition() members {
	return members{
		"MetadataId": derive("table", t.logical).String(), "LogicalName": t.logical, "SchemaName": capital(t.logical), "EntitySetName": t.set,
		"LogicalCollectionName": t.set, "PrimaryIdAttribute": t.key, "PrimaryNameAttribute": t.title, "ObjectTypeCode": t.code,
		"ChangeTrackingEnabled": !t.idle, "CanChangeTrackingBeEnabled": managed(true), "IsCustomEntity": false, "IsDuplicateDetectionEnabled": managed(t.people || t.logical == tAccount),
		"OwnershipType": map[bool]string{true: "UserOwned", false: "OrganizationOwned"}[t.owned], "DisplayName": labelled(capital(t.logical)),
	}
}

// attributeType is the metadata type of a column, and its AttributeType.
func attributeType(c *column) (derived, name string) {
	switch c.kind {
	case kindText:
		return "StringAttributeMetadata", "String"
	case kindMemo:
		return "MemoAttributeMetadata", "Memo"
	case kindInt:
		return "IntegerAttributeMetadata", "Integer"
	case kindLong:
		return "BigIntAttributeMetadata", "BigInt"
	case kindDouble:
		return "DoubleAttributeMetadata", "Double"
	case kindDecimal:
		return "DecimalAttributeMetadata", "Decimal"
	case kindBool:
		return "BooleanAttributeMetadata", "Boolean"
	case kindDate, kindDateTime:
		return "DateTimeAttributeMetadata", "DateTime"
	case kindBinary:
		return "ImageAttributeMetadata", "Virtual"
	case kindKey, kindGUID:
		return "UniqueIdentifierAttributeMetadata", "Uniqueidentifier"
	case kindLookup:
		switch {
		case c.name == "ownerid":
			return "LookupAttributeMetadata", "Owner"
		case c.split:
			return "LookupAttributeMetadata", "Customer"
		}
		return "LookupAttributeMetadata", "Lookup"
	}
	switch c.name {
	case "statecode":
		return "StateAttributeMetadata", "State"
	case "statuscode":
		return "StatusAttributeMetadata", "Status"
	}
	return "PicklistAttributeMetadata", "Picklist"
}

// attribute describes a column: what every one has, and what its type has besides.
func (t *table) attribute(c *column) (base, derived members) {
	_, name := attributeType(c)
	writable := t.writable && !c.readOnly && (c.made == stored || c.made == makeOwner)
	required := "None"
	if c.kind == kindKey || c.name == "ownerid" || c.name == "statecode" {
		required = "SystemRequired"
	}
	base = members{
		"MetadataId": derive("column", t.logical, c.name).String(), "LogicalName": c.name, "SchemaName": capital(c.name), "EntityLogicalName": t.logical,
		"AttributeType": name, "AttributeTypeName": members{"Value": name + "Type"}, "AttributeOf": nil, "DisplayName": labelled(c.label),
		"RequiredLevel":    members{"Value": required, "CanBeChanged": false, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
		"IsValidForCreate": writable || c.kind == kindKey && t.writable, "IsValidForUpdate": writable && !c.createOnly, "IsValidForRead": true,
		"IsCustomAttribute": c.custom, "IsSecured": t.secured[c.name], "IsPrimaryId": c.kind == kindKey, "IsPrimaryName": c.name == t.title, "IsLogical": false,
	}
	derived = members{}
	switch c.kind {
	case kindText:
		derived["MaxLength"], derived["Format"] = c.length, format(c.name)
	case kindMemo:
		derived["MaxLength"], derived["Format"] = c.length, "TextArea"
	case kindInt, kindDouble, kindDecimal:
		if c.bounded {
			derived["MinValue"], derived["MaxValue"] = c.min, c.max
		}
	case kindDate:
		derived["Format"], derived["DateTimeBehavior"] = "DateOnly", members{"Value": "DateOnly"}
	case kindDateTime:
		derived["Format"], derived["DateTimeBehavior"] = "DateAndTime", members{"Value": "UserLocal"}
	case kindLookup:
		derived["Targets"] = append([]string{}, c.targets...)
	}
	return base, derived
}

// format is the format of a text column.
func format(name string) string {
	switch {
	case strings.HasPrefix(name, "emailaddress"):
		return "Email"
	case name == "websiteurl" || name == "ftpsiteurl":
		return "Url"
	case strings.Contains(name, "telephone") || strings.HasSuffix(name, "phone"):
		return "Phone"
	case strings.HasPrefix(name, "yomi"):
		return "PhoneticGuide"
	}
	return "Text"
}

// optionSet describes the values of a choice.
func (t *table) optionSet(c *column) members {
	options := []any{}
	for _, o := range c.options {
		m := members{"Value": o.Value, "Label": labelled(o.Label)}
		if c.name == "statuscode" {
			m["State"] = o.State
		}
		options = append(options, m)
	}
	return members{"Name": t.logical + "_" + c.name, "IsGlobal": false, "OptionSetType": "Picklist", "MetadataId": derive("options", t.logical, c.name).String(), "Options": options}
}

// metadata answers below EntityDefinitions.
func (c *call) metadata(key string, keyed bool, rest string) (*reply, *apiError) {
	if !keyed {
		if rest != "" {
			return nil, badSegment(rest)
		}
		var all []members
		for _, name := range slices.Sorted(maps.Keys(c.o.tables)) {
			if t := c.o.tables[name]; !t.absent {
				all = append(all, t.definition())
			}
		}
		return c.describe("EntityDefinitions", all, nil)
	}
	name, ok := strings.CutPrefix(key, "LogicalName='")
	t := c.o.tables[strings.TrimSuffix(name, "'")]
	if !ok || t == nil || t.absent {
		return nil, fail(http.StatusNotFound, codeNotFound, "Could not find an entity with the name that the key %s gives.", key)
	}
	if rest == "" {
		if e := c.allow("$select"); e != nil {
			return nil, e
		}
		m, e := c.picked(t.definition(), nil)
		if e != nil {
			return nil, e
		}
		return c.describeOne("EntityDefinitions/$entity", m)
	}
	segments := strings.Split(rest, "/")
	first, columnKey, single := cutKey(segments[0])
	if first != "Attributes" {
		return nil, badSegment(first)
	}
	cast := ""
	if len(segments) > 1 {
		if cast, ok = strings.CutPrefix(segments[1], namespace); !ok || len(segments) > 2 {
			return nil, badSegment(segments[1])
		}
	}
	return c.attributes(t, columnKey, single, cast)
}

// attributes answers the columns of a table. Members of a derived type can be selected with a cast to it only.
func (c *call) attributes(t *table, key string, single bool, cast string) (*reply, *apiError) {
	if e := c.allow("$select", "$filter", "$expand"); e != nil {
		return nil, e
	}
	expand := c.query.Get("$expand")
	choices := slices.Contains([]string{"PicklistAttributeMetadata", "StateAttributeMetadata", "StatusAttributeMetadata"}, cast)
	if expand != "" && (expand != "OptionSet" || !choices) {
		return nil, badURL("The $expand is OptionSet with a cast to a choice.")
	}
	var all []members
	known := members{} // members that the cast's type has
	for i := range t.cols {
		col := &t.cols[i]
		derivedType, _ := attributeType(col)
		if cast != "" && derivedType != cast || single && key != "LogicalName='"+col.name+"'" {
			continue
		}
		base, derived := t.attribute(col)
		if cast != "" || !c.query.Has("$select") {
			maps.Copy(base, derived)
		}
		if cast == "" {
			base["@odata.type"] = "#" + namespace + derivedType
		}
		if expand != "" {
			base["OptionSet"] = t.optionSet(col)
		}
		maps.Copy(known, base)
		all = append(all, base)
	}
	if single {
		if len(all) == 0 {
			return nil, fail(http.StatusNotFound, codeNotFound, "Could not find an attribute with the name that the key %s gives.", key)
		}
		m, e := c.picked(all[0], known)
		if e != nil {
			return nil, e
		}
		return c.describeOne("EntityDefinitions('"+t.logical+"')/Attributes/$entity", m)
	}
	return c.describe("EntityDefinitions('"+t.logical+"')/Attributes", all, known)
}

// picked keeps the members that $select names. known are members that exist, if they are not those of m.
func (c *call) picked(m, known members) (members, *apiError) {
	if !c.query.Has("$select") {
		return m, nil
	}
	if known == nil {
		known = m
	}
	out := members{"MetadataId": m["MetadataId"]}
	for _, name := range []string{"@odata.type", "OptionSet"} {
		if v, ok := m[name]; ok {
			out[name] = v
		}
	}
	for name := range strings.SplitSeq(c.query.Get("$select"), ",") {
		name = strings.TrimSpace(name)
		if _, ok := known[name]; !ok {
			return nil, badURL("Could not find a property named '%s' on the metadata type; a member of a derived type needs a cast.", name)
		}
		out[name] = m[name]
	}
	return out, nil
}

// describe answers a list of metadata.
func (c *call) describe(context string, all []members, known members) (*reply, *apiError) {
	if e := c.allow("$select", "$filter", "$expand"); e != nil {
		return nil, e
	}
	if known == nil {
		known = members{}
		for _, m := range all {
			maps.Copy(known, m)
		}
	}
	match, e := metadataFilter(c.query.Get("$filter"), known)
	if e != nil {
		return nil, e
	}
	out := []members{}
	for _, m := range all {
		if !match(m) {
			continue
		}
		p, e := c.picked(m, known)
		if e != nil {
			return nil, e
		}
		out = append(out, p)
	}
	return c.describeOne(context, members{"value": out})
}

func (c *call) describeOne(context string, m members) (*reply, *apiError) {
	out := maps.Clone(m)
	out["@odata.context"] = c.contextURL(context)
	b, err := json.Marshal(out)
	if err != nil {
		return nil, internal(err)
	}
	return &reply{status: http.StatusOK, json: b}, nil
}

// metadataFilter reads a $filter over the plain members of metadata.
func metadataFilter(text string, known members) (func(members) bool, *apiError) {
	if text == "" {
		return func(members) bool { return true }, nil
	}
	names := slices.Sorted(maps.Keys(known))
	n, e := parseFilter(text, func(name string) (int, kind, bool) {
		i, ok := slices.BinarySearch(names, name)
		if !ok {
			return 0, "", false
		}
		switch known[name].(type) {
		case bool:
			return i, kindBool, true
		case int:
			return i, kindInt, true
		case string:
			return i, kindText, true
		}
		return 0, "", false
	})
	if e != nil {
		return nil, e
	}
	return func(m members) bool {
		return n.match(func(slot int) val {
			switch v := m[names[slot]].(type) {
			case bool:
				return valueOf(kindBool, yes(v))
			case int:
				return val{kind: 'n', n: float64(v)}
			case string:
				return val{kind: 's', s: fold(v)}
			}
			return val{}
		})
	}, nil
}
