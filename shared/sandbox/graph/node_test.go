package graph_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"meibo/shared/sandbox/sandboxtest"
)

// TestMicrosoftsNodeClient drives the sandbox with Microsoft's own client package.
func TestMicrosoftsNodeClient(t *testing.T) {
	client := sandboxtest.FindNode(t, "@microsoft/microsoft-graph-client")
	w := newWorld(t)
	// The client sends its token over https only.
	srv := httptest.NewTLSServer(w.box)
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	var got struct{ Created, Listed, Changes int }
	client.Check(t, &got, "NODE_EXTRA_CA_CERTS="+ca, "SANDBOX_URL="+srv.URL, "SANDBOX_USER="+aiko, "SANDBOX_REDIRECT="+callback, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret")
	if got.Created != 3 || got.Listed != 3 || got.Changes != 1 {
		t.Errorf("got %+v", got)
	}
}
