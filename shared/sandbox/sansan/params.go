package sansan

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// choice is a query parameter of a few words; the first is meant without it.
func (c *call) choice(name string, words ...string) (string, error) {
	v := c.q.Get(name)
	if v == "" {
		return words[0], nil
	}
	if !slices.Contains(words, v) {
		return "", bad("The parameter %s must be %s.", name, strings.Join(words, " or "))
	}
	return v, nil
}

// choices is a query parameter that comes once for each of its words.
func (c *call) choices(name string, words ...string) ([]string, error) {
	for _, v := range c.q[name] {
		if !slices.Contains(words, v) {
			return nil, bad("The parameter %s must be %s.", name, strings.Join(words, " or "))
		}
	}
	return c.q[name], nil
}

// flag is a query parameter that is true or false (the default).
func (c *call) flag(name string) (bool, error) {
	v, err := c.choice(name, "false", "true")
	return v == "true", err
}

func (c *call) limit(most int) (int, error) {
	if !c.q.Has("limit") {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(c.q.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, bad("The parameter limit must be a number from 1 to %d.", most)
	}
	return n, nil
}

const (
	defaultLimit = 100
	cardsMost    = 300 // a page of cards
	othersMost   = 100 // a page of anything else
)

// moment is a required query parameter that is a time: ISO 8601 in whole seconds, with an offset.
func (c *call) moment(name string) (int64, error) {
	v := c.q.Get(name)
	if v == "" {
		return 0, bad("The parameter %s is required.", name)
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || strings.ContainsAny(v, ".,") {
		return 0, bad("The parameter %s must be a date and time in ISO 8601 with an offset, such as 2026-09-11T18:40:12+09:00.", name)
	}
	return t.Unix(), nil
}

// window is the span of update times that a listing asks for.
func (c *call) window() (span, error) {
	from, err := c.moment("updatedFrom")
	if err != nil {
		return span{}, err
	}
	to, err := c.moment("updatedTo")
	if err != nil {
		return span{}, err
	}
	days := limit(int64(c.s.cfg.Limits.Span), defaultSpan)
	switch {
	case to <= from:
		return span{}, bad("updatedTo must be later than updatedFrom.")
	case days != unlimited && to-from > days*24*3600:
		return span{}, bad("updatedFrom and updatedTo may be at most %d days apart.", days)
	}
	return span{from, to}, nil
}
