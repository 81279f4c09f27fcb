package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/system"
)

// defaultAddr is where Meibo is, unless told otherwise.
const defaultAddr = "127.0.0.1:8080"

// vendor is a system as the command line and the messages name it.
type vendor struct {
	id, name    string
	defaultAddr string // of its stand-in
}

// vendorList lists the systems in the order in which people are offered them.
func vendorList() []vendor {
	return slices.DeleteFunc([]vendor{
		{system.Pipedrive, "Pipedrive", "127.0.0.1:8084"},
		{system.Zoho, "Zoho", "127.0.0.1:8082"},
		{system.Sansan, "Sansan", "127.0.0.1:8085"},
		{system.HubSpot, "HubSpot", "127.0.0.1:8086"},
		{system.Google, "Google", "127.0.0.1:8081"},
		{system.Microsoft, "Microsoft", "127.0.0.1:8083"},
		{system.Dynamics, "Dynamics 365", "127.0.0.1:8087"},
	}, func(v vendor) bool { return !slices.Contains(system.IDs(), v.id) })
}

// nameOf returns the short name of a system.
func nameOf(id string) string {
	for _, v := range vendorList() {
		if v.id == id {
			return v.name
		}
	}
	return id
}

// places are the flags that say which stand-ins there are and where.
type places struct {
	addr    map[string]*string // to listen at, by system
	systems string
}

func (p *places) flags(fs *flag.FlagSet) {
	p.addr = map[string]*string{}
	for _, v := range vendorList() {
		p.addr[v.id] = fs.String(v.id+"-addr", v.defaultAddr, "loopback `address` of the "+v.name+" stand-in; port 0 chooses one")
	}
	fs.StringVar(&p.systems, "systems", strings.Join(system.IDs(), ","), "`ids` of the systems to stand in for, separated by commas")
}

// chosen returns the ids of the systems that were asked for, in the order of the list.
func (p *places) chosen() ([]string, error) {
	asked := strings.Split(p.systems, ",")
	for i := range asked {
		asked[i] = strings.TrimSpace(asked[i])
		if !slices.Contains(system.IDs(), asked[i]) {
			return nil, fmt.Errorf("--systems: there is no system %q: choose among %s", asked[i], strings.Join(system.IDs(), ", "))
		}
	}
	return slices.DeleteFunc(system.IDs(), func(id string) bool { return !slices.Contains(asked, id) }), nil
}

// listen opens the addresses of the systems' stand-ins.
func (p *places) listen(systems []string) (map[string]net.Listener, error) {
	out := map[string]net.Listener{}
	for _, id := range systems {
		l, err := listen(*p.addr[id], false)
		if err != nil {
			for _, open := range out {
				err = errors.Join(err, open.Close())
			}
			return nil, fmt.Errorf("--%s-addr: %w", id, err)
		}
		out[id] = l
	}
	return out, nil
}

// origins returns where the listeners are.
func origins(ls map[string]net.Listener) map[string]string {
	out := map[string]string{}
	for id, l := range ls {
		out[id] = origin(l)
	}
	return out
}

// bothSides refuses systems that leave nothing to pair.
func bothSides(systems []string) error {
	sides := map[profile.Side]bool{}
	for _, s := range system.All(system.Config{Offer: systems}) {
		sides[s.Side] = true
	}
	if !sides[profile.CRM] || !sides[profile.Book] {
		return errors.New("nothing can be paired: name both a CRM and an address book")
	}
	return nil
}
