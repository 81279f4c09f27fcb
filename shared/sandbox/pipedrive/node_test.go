package pipedrive_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPipedrivesNodeClient runs testdata/node/check.mjs, which drives the sandbox with Pipedrive's own npm package. It needs
// `npm install` in that folder; MEIBO_NODE=1 makes the test fail where that was not done.
func TestPipedrivesNodeClient(t *testing.T) {
	dir := filepath.Join("testdata", "node")
	_, missing := os.Stat(filepath.Join(dir, "node_modules", "pipedrive"))
	node, err := exec.LookPath("node")
	if missing != nil || err != nil {
		if os.Getenv("MEIBO_NODE") == "1" {
			t.Fatalf("MEIBO_NODE=1 needs Node and `npm install` in %s: %v, %v", dir, missing, err)
		}
		t.Skipf("Pipedrive's Node client is not installed: run `npm install` in %s", dir)
	}
	w := newWorld(t)
	// The client takes the token's expiry from the machine's clock.
	w.clock.AdvanceTo(time.Now())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "check.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SANDBOX_URL="+w.srv.URL, "SANDBOX_USER="+mira, "SANDBOX_REDIRECT="+back, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret")
	out, err := cmd.Output()
	if err != nil {
		if ee, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v\n%s%s", err, out, ee.Stderr)
		}
		t.Fatal(err)
	}
	var got struct{ Created, Listed, Filtered, Left int }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("got %s: %v", out, err)
	}
	if got.Created != 3 || got.Listed != 3 || got.Filtered != 1 || got.Left != 1 {
		t.Errorf("got %+v", got)
	}
}
