package dynamics

import "strings"

// quoted writes a text as a filter has it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// plain writes an id as a filter has it.
func plain(s string) string { return s }

// anyOf is the filter for rows that have one of values in a column.
func anyOf(column string, values []string, write func(string) string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = column + " eq " + write(v)
	}
	return strings.Join(parts, " or ")
}
