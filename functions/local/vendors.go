package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/trial"
)

// vendors are where the vendors are: the real ones, stand-ins elsewhere, or stand-ins of this process.
type vendors struct {
	clients oauth.ClientSource
	offer   []string          // ids of the systems that can be used here
	at      map[string]string // origins of stand-ins, by system; empty for the real vendors
	boxes   *local.Sandboxes  // nil unless they are this process's
	sites   []site
}

func (v *vendors) open(o serveOptions, log *slog.Logger) error {
	if o.real {
		c, err := oauth.OpenClients(o.clients)
		v.clients = c
		registered := 0
		for _, s := range system.All(system.Config{}) {
			if c[s.ID].ID != "" {
				registered++
			}
			if c[s.ID].ID != "" || s.Key != nil { // keys need no registration
				v.offer = append(v.offer, s.ID)
			}
		}
		if err == nil && registered == 0 {
			err = fmt.Errorf("--clients: %s has the registration of no system: its members are %s", o.clients, strings.Join(system.IDs(), ", "))
		}
		return err
	}
	v.clients = local.SandboxClients()
	if v.at = o.elsewhere(); len(v.at) == 0 {
		if err := v.host(o); err != nil {
			return err
		}
		if err := v.greet(o, log); err != nil {
			return err
		}
	}
	v.offer = slices.DeleteFunc(system.IDs(), func(id string) bool { return v.at[id] == "" })
	return nil
}

// host opens the stand-ins in this process.
func (v *vendors) host(o serveOptions) error {
	chosen, err := o.places.chosen()
	if err != nil {
		return err
	}
	ls, err := o.places.listen(chosen)
	if err != nil {
		return err
	}
	v.boxes, err = local.OpenSandboxes(local.SandboxOptions{
		Systems: chosen, Folder: filepath.Join(o.data, "sandbox"), Clock: clock.Real{}, RedirectURIs: local.RedirectURIs(o.publicURL), Lag: o.lag,
		HookURL: o.hookURL(),
	})
	if err != nil {
		return err
	}
	v.at = origins(ls)
	for id, l := range ls {
		b, _ := v.boxes.Box(id)
		v.sites = append(v.sites, site{l, b})
	}
	return nil
}

// greet makes sure that somebody can sign in at the stand-ins, and fills new ones as asked: each CRM with one half of the people, each
// address book with the other. One who is there already stays.
func (v *vendors) greet(o serveOptions, log *slog.Logger) error {
	person, err := json.Marshal(map[string]string{"email": firstPerson.Email, "name": firstPerson.Name})
	if err != nil {
		return err
	}
	var fresh []string
	for _, id := range v.boxes.IDs() {
		b, _ := v.boxes.Box(id)
		if len(b.Users()) > 0 {
			continue
		}
		if err := b.AddUserJSON(person); err != nil {
			return err
		}
		fresh = append(fresh, id)
	}
	if len(fresh) == 0 || o.fill == 0 && len(o.contacts) == 0 {
		return nil
	}
	crm, book, problems, err := trial.Books(trial.Options{Records: o.fill, Files: o.contacts, Seed: 1})
	if err != nil {
		return err
	}
	for _, p := range problems {
		log.Warn("skipped", "line", p)
	}
	for _, s := range system.All(system.Config{Offer: fresh}) {
		seeds := crm
		if s.Side == profile.Book {
			seeds = book
		}
		b, _ := v.boxes.Box(s.ID)
		if _, err := b.Fill(firstPerson.Email, seeds); err != nil {
			return err
		}
	}
	return nil
}

func (v *vendors) close() error {
	if v.boxes == nil {
		return nil
	}
	return v.boxes.Close()
}
