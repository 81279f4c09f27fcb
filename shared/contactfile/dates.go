package contactfile

import (
	"regexp"
	"strings"
	"time"
)

var (
	fullDate = regexp.MustCompile(`^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](.*))?$`)
	yearless = regexp.MustCompile(`^--(\d{2})-?(\d{2})(?:T(.*))?$`)
	midnight = regexp.MustCompile(`^(00:?00(:?00(\.0+)?)?)?(Z|[+-]\d{2}:?\d{2})?$`)
)

// cardDate returns a property's date as the record keeps it ("2006-01-02" or "--01-02"), or "" when it has none. why, if not empty,
// says what of it was left.
func cardDate(p *property) (date, why string) {
	text := p.text()
	if text == "" {
		return "", ""
	}
	date, clock := parseDate(text)
	if date == "" {
		return "", " that is not a day of a year"
	}
	// Apple writes a year that stands for none.
	if omit := p.param("X-APPLE-OMIT-YEAR"); omit != "" && strings.HasPrefix(date, omit+"-") {
		date = "--" + date[5:]
	}
	if !midnight.MatchString(clock) {
		why = " time of day"
	}
	return date, why
}

// parseDate reads the extended and basic forms of ISO 8601, with or without a year, and returns what follows the date apart. It
// returns "" for anything else, and for days that no calendar has.
func parseDate(s string) (date, clock string) {
	if m := fullDate.FindStringSubmatch(s); m != nil {
		if date = m[1] + "-" + m[2] + "-" + m[3]; isDay(date) {
			return date, m[4]
		}
		return "", ""
	}
	if m := yearless.FindStringSubmatch(s); m != nil && isDay("2000-"+m[1]+"-"+m[2]) { // 2000 had a 29 February
		return "--" + m[1] + "-" + m[2], m[3]
	}
	return "", ""
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && !strings.HasPrefix(s, "0000")
}
