package graph_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMicrosoftsNodeClient runs testdata/node/check.mjs, which drives the sandbox with Microsoft's own client package. It needs
// `npm install` in that folder; MEIBO_NODE=1 makes the test fail where that was not done.
func TestMicrosoftsNodeClient(t *testing.T) {
	dir := filepath.Join("testdata", "node")
	_, missing := os.Stat(filepath.Join(dir, "node_modules", "@microsoft", "microsoft-graph-client"))
	node, err := exec.LookPath("node")
	if missing != nil || err != nil {
		if os.Getenv("MEIBO_NODE") == "1" {
			t.Fatalf("MEIBO_NODE=1 needs Node and `npm install` in %s: %v, %v", dir, missing, err)
		}
		t.Skipf("Microsoft's Node client is not installed: run `npm install` in %s", dir)
	}
	w := newWorld(t)
	// The client sends its token over https only.
	srv := httptest.NewTLSServer(w.box)
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "check.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca, "SANDBOX_URL="+srv.URL, "SANDBOX_USER="+aiko, "SANDBOX_REDIRECT="+callback, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret")
	out, err := cmd.Output()
	if err != nil {
		if ee, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v\n%s%s", err, out, ee.Stderr)
		}
		t.Fatal(err)
	}
	var got struct{ Created, Listed, Changes int }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("got %s: %v", out, err)
	}
	if got.Created != 3 || got.Listed != 3 || got.Changes != 1 {
		t.Errorf("got %+v", got)
	}
}
