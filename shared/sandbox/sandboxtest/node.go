// Package sandboxtest is what the tests of the stand-ins share.
package sandboxtest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// nodeTime bounds one run of a vendor's client.
const nodeTime = 2 * time.Minute

// RequireNode makes a client that is not installed a failure instead of a reason to skip.
const RequireNode = "MEIBO_NODE"

// Node is a vendor's own JavaScript client, driven against a stand-in by testdata/node/check.mjs of the package under test.
type Node struct {
	path string
	dir  string
}

// FindNode returns the client that the npm package names. Where `npm install` was not done, the test is skipped, or fails if
// RequireNode is set.
func FindNode(t *testing.T, npm string) Node {
	t.Helper()
	dir := filepath.Join("testdata", "node")
	_, missing := os.Stat(filepath.Join(dir, "node_modules", filepath.FromSlash(npm)))
	path, err := exec.LookPath("node")
	if err := errors.Join(missing, err); err != nil {
		if os.Getenv(RequireNode) == "1" {
			t.Fatalf("%s=1 needs Node and `npm install` in %s: %v", RequireNode, dir, err)
		}
		t.Skipf("the Node client %s is not installed: run `npm install` in %s", npm, dir)
	}
	return Node{path, dir}
}

// Check runs the script with the variables beside the machine's own, and decodes what it prints.
func (n Node) Check(t *testing.T, into any, variables ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), nodeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.path, "check.mjs")
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(), variables...)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%v\n%s%s", err, out, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("got %s: %v", out, err)
	}
}
