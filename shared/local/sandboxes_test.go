package local_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/system"
)

func TestSandboxes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sandbox")
	open := func(systems ...string) *local.Sandboxes {
		t.Helper()
		s, err := local.OpenSandboxes(local.SandboxOptions{Systems: systems, Folder: folder, Clock: clock.Real{}, RedirectURIs: local.RedirectURIs(publicURL)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("there is one for every system, and an address and a name make somebody who works there", func(t *testing.T) {
		s := open()
		if !slices.Equal(s.IDs(), system.IDs()) {
			t.Errorf("got %v, want %v", s.IDs(), system.IDs())
		}
		for _, id := range s.IDs() {
			b, ok := s.Box(id)
			if !ok {
				t.Fatalf("%s has none", id)
			}
			if err := b.AddUserJSON([]byte(`{"email":"` + admin + `","name":"山田 花子"}`)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("what was in them is there again", func(t *testing.T) {
		s := open()
		for _, id := range s.IDs() {
			b, _ := s.Box(id)
			if us := b.Users(); len(us) != 1 || us[0].Email != admin {
				t.Errorf("%s: got %v", id, us)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("only those that were asked for are opened", func(t *testing.T) {
		s := open(system.Zoho)
		defer s.Close()
		if _, ok := s.Box(system.Google); ok || !slices.Equal(s.IDs(), []string{system.Zoho}) {
			t.Errorf("got %v", s.IDs())
		}
	})
	t.Run("a system that there is not is named", func(t *testing.T) {
		if _, err := local.OpenSandboxes(local.SandboxOptions{Systems: []string{"lotus"}}); err == nil || !strings.Contains(err.Error(), "lotus") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("every system is registered and has its callback", func(t *testing.T) {
		clients, uris := local.SandboxClients(), local.RedirectURIs(publicURL)
		for _, id := range system.IDs() {
			keyed := id == system.Sansan // there is nothing to come back from
			if clients[id].ID == "" || slices.Contains(uris, publicURL+"/consent/"+id+"/callback") == keyed {
				t.Errorf("%s is not", id)
			}
		}
		if one := local.RedirectURIs(publicURL, system.Zoho); len(one) != 1 || !strings.Contains(one[0], "zoho") {
			t.Errorf("got %v, want Zoho's alone", one)
		}
		want := []string{publicURL + "/consent/microsoft/callback", publicURL + "/consent/microsoft/admin"}
		if two := local.RedirectURIs(publicURL, system.Microsoft); !slices.Equal(two, want) {
			t.Errorf("got %v, want one for members and one for administrators", two)
		}
	})
}
