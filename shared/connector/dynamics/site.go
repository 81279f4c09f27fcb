package dynamics

import (
	"strconv"
	"strings"

	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

// cloud is one of Microsoft's separate clouds: the domain that its organisations have their addresses in, and where its people sign in.
type cloud struct {
	domain    string
	authority string
	numbered  bool // it has regions crm2, crm3, … besides crm
}

// clouds are the worldwide one, and those for governments and China, whose domains Microsoft publishes.
func clouds() []cloud {
	return []cloud{
		{"dynamics.com", entra.Authority, true},
		{"microsoftdynamics.us", "https://login.microsoftonline.us", false},
		{"appsplatform.us", "https://login.microsoftonline.us", false},
		{"dynamics.cn", "https://login.partner.microsoftonline.cn", false},
	}
}

// lastRegion is the highest number that Microsoft has given to a region so far. Some below it are not in use; a host there does not exist.
const lastRegion = 22

const (
	longestTyped = 2000
	longestLabel = 63
	example      = "kitano.crm7.dynamics.com"
)

// canonical returns the host of the organisation that a person typed, or pasted from the browser: only ever one below a domain of
// Microsoft's, since the host is called with tokens. The error is a *oauth.RefusedError.
func canonical(typed string) (string, error) {
	s := strings.TrimSpace(typed)
	switch {
	case s == "":
		return "", wrongSite("no address was entered")
	case len(s) > longestTyped:
		return "", wrongSite("this is too long for an address")
	}
	s = strings.ToLower(s)
	rest, https := strings.CutPrefix(s, "https://")
	if !https && strings.Contains(s, "://") {
		return "", wrongSite("the address does not begin with https://")
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		if !https && rest[i] != '/' {
			return "", wrongSite("this is not an address")
		}
		host = rest[:i]
	}
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" { // a port, a user, an IPv6 address, other alphabets
		return "", wrongSite("this is not the address of an organisation in Dynamics 365")
	}
	labels := strings.Split(host, ".")
	if len(labels) == 1 {
		return "", wrongSite("the part that says in which region the organisation is, such as crm7, is missing")
	}
	if !isLabel(labels[0]) {
		return "", wrongSite("this is not the address of an organisation in Dynamics 365")
	}
	place := labels[1:]
	if len(place) > 1 && place[0] == "api" {
		place = place[1:]
	}
	region, domain := place[0], strings.Join(place[1:], ".")
	if domain == "" {
		domain = clouds()[0].domain
	}
	for _, c := range clouds() {
		if c.domain != domain {
			continue
		}
		if !c.has(region) {
			return "", wrongSite("Dynamics 365 has no region of that name")
		}
		return labels[0] + "." + region + "." + domain, nil
	}
	return "", wrongSite("this is not the address of an organisation in Dynamics 365")
}

func (c cloud) has(region string) bool {
	number, ok := strings.CutPrefix(region, "crm")
	if !ok || number == "" || !c.numbered {
		return ok && number == ""
	}
	n, err := strconv.Atoi(number)
	return err == nil && n >= 2 && n <= lastRegion && strconv.Itoa(n) == number
}

func isLabel(s string) bool {
	return s != "" && len(s) <= longestLabel && s[0] != '-' && s[len(s)-1] != '-'
}

// authorityOf is where people of a site, in its one form, sign in.
func authorityOf(site string) string {
	for _, c := range clouds() {
		if strings.HasSuffix(site, "."+c.domain) {
			return c.authority
		}
	}
	return entra.Authority
}

func wrongSite(reason string) error {
	return &oauth.RefusedError{Code: "site", Reason: "site: " + reason,
		Cure: "open Dynamics 365 in the browser and copy what the address begins with, such as " + example}
}
