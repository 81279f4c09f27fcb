// Package contract lets tests hold calls against the vendors' own descriptions of their APIs. Those are kept beside the repository,
// not in it, so that every check also says what happens without them.
package contract

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Require is the environment variable that, set to 1, makes a missing document a failure.
const Require = "MEIBO_REQUIRE_SPECS"

// File returns the text of a vendor's document by its path in the folder of documents, such as "samples/pipedrive/error.json". Where the
// folder is not there it returns nil, or fails the test if Require is set.
func File(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := folder()
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(Require) != "1" {
		return nil
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	}
	if err != nil {
		t.Fatalf("the vendor's document %s is needed here: %v", name, err)
	}
	return b
}

// Need is File for a test that is about the document: without it the test is skipped.
func Need(t testing.TB, name string) []byte {
	t.Helper()
	b := File(t, name)
	if b == nil {
		t.Skipf("the vendor's document %s is not beside the repository", name)
	}
	return b
}

// folder finds ../shared/vendors/specs, seen from the module's root. Tests run in the folder of their package.
func folder() (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			dir := filepath.Join(root, "..", "shared", "vendors", "specs")
			_, err := os.Stat(dir)
			return dir, err
		}
		up := filepath.Dir(root)
		if up == root {
			return "", fs.ErrNotExist
		}
		root = up
	}
}
