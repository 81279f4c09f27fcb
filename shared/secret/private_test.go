package secret_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meibo/shared/secret"
)

func TestPrivateFile(t *testing.T) {
	t.Run("a new keyset file is for its owner only, and opens again", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyset.json")
		first, err := secret.OpenLocal(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode = %04o, want 0600", got)
		}
		wrapped, err := first.Wrap(t.Context(), "a", []byte("keys"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := secret.OpenLocal(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := second.Unwrap(t.Context(), "a", wrapped); err != nil || string(got) != "keys" {
			t.Errorf("Unwrap = %q, %v", got, err)
		}
		if _, err := second.Unwrap(t.Context(), "b", wrapped); err == nil {
			t.Error("unwrapped for another tenant")
		}
	})

	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o660, 0o601} {
		t.Run("a file of mode "+mode.String()+" is refused with the cure", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyset.json")
			if _, err := secret.OpenLocal(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := secret.OpenLocal(path)
			if err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("error = %v, want one that says chmod 600", err)
			}
		})
	}

	t.Run("a file that is no keyset is refused", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyset.json")
		if err := secret.CreatePrivate(path, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.OpenLocal(path); err == nil {
			t.Error("opened")
		}
	})

	t.Run("a file that is there is not replaced", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x")
		if err := secret.CreatePrivate(path, []byte("1")); err != nil {
			t.Fatal(err)
		}
		if err := secret.CreatePrivate(path, []byte("2")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("error = %v, want fs.ErrExist", err)
		}
		if got, err := secret.ReadPrivate(path); err != nil || string(got) != "1" {
			t.Errorf("content = %q, %v, want 1", got, err)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("the folder has %d entries, %v, want 1", len(left), err)
		}
	})
}
