package dynamics

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// firstDate is the earliest date that the database holds.
const firstDate = "1753-01-01"

// decode checks the JSON of a value for a column and returns it as it is stored.
func (t *table) decode(c *column, raw json.RawMessage) (string, *apiError) {
	if string(raw) == "null" {
		return "", nil
	}
	bad := badBody("Cannot convert the value of '%s' to the expected type '%s'.", c.name, edm(c.kind))
	switch c.kind {
	case kindText, kindMemo:
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return "", bad
		}
		return t.text(c, s)
	case kindBool:
		var b bool
		if json.Unmarshal(raw, &b) != nil {
			return "", bad
		}
		return yes(b), nil
	case kindInt, kindLong, kindChoice:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || c.kind != kindLong && int64(int32(n)) != n {
			return "", bad
		}
		return string(raw), t.inRange(c, float64(n))
	case kindDouble, kindDecimal:
		var n float64
		if json.Unmarshal(raw, &n) != nil || math.IsInf(n, 0) {
			return "", bad
		}
		return string(raw), t.inRange(c, n)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", bad
	}
	switch c.kind {
	case kindDate:
		if d, err := time.Parse(time.DateOnly, s); err != nil || s < firstDate || d.Year() > 9999 {
			return "", bad
		}
		return quote(s), nil
	case kindDateTime:
		d, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return "", bad
		}
		return quote(wireTime(d.Unix())), nil
	case kindGUID, kindKey:
		g, ok := parseGUID(s)
		if !ok {
			return "", bad
		}
		return quote(g.String()), nil
	case kindBinary:
		if _, err := base64.StdEncoding.DecodeString(s); err != nil || s == "" {
			return "", bad
		}
		return quote(s), nil
	}
	return "", bad
}

// text checks a text. An empty one is none.
func (t *table) text(c *column, s string) (string, *apiError) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFD' }) {
		return "", fail(http.StatusBadRequest, codeCharacters, "The field '%s' contains one or more invalid characters.", c.name)
	}
	if c.length > 0 && len(utf16.Encode([]rune(s))) > c.length {
		return "", fail(http.StatusBadRequest, codeTooLong, "A validation error occurred.  The length of the '%s' attribute of the '%s' entity exceeded the maximum allowed length of '%d'.", c.name, t.logical, c.length)
	}
	if s == "" {
		return "", nil
	}
	return quote(s), nil
}

func (t *table) inRange(c *column, n float64) *apiError {
	if c.kind == kindChoice && !c.noOptions {
		for _, o := range c.options {
			if float64(o.Value) == n {
				return nil
			}
		}
		return fail(http.StatusBadRequest, codeOutOfRange, "A validation error occurred. The value %v of '%s' on record of type '%s' is outside the valid range.", n, c.name, t.logical)
	}
	if c.bounded && (n < c.min || n > c.max) {
		return fail(http.StatusBadRequest, codeOutOfRange, "A validation error occurred.  The value of '%s' on record of type '%s' is outside the valid range of %v to %v.", c.name, t.logical, c.min, c.max)
	}
	return nil
}

// edm is the OData type of a kind.
func edm(k kind) string {
	switch k {
	case kindInt, kindChoice:
		return "Edm.Int32"
	case kindLong:
		return "Edm.Int64"
	case kindDouble:
		return "Edm.Double"
	case kindDecimal:
		return "Edm.Decimal"
	case kindBool:
		return "Edm.Boolean"
	case kindDate:
		return "Edm.Date"
	case kindDateTime:
		return "Edm.DateTimeOffset"
	case kindGUID, kindKey, kindLookup:
		return "Edm.Guid"
	case kindBinary:
		return "Edm.Binary"
	}
	return "Edm.String"
}
