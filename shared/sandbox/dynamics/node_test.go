package dynamics_test

import (
	"testing"

	"meibo/shared/sandbox/sandboxtest"
)

// TestTheNodeClient drives the sandbox with DynamicsWebApi, which is not Microsoft's: Microsoft has no client of the Web API that could
// be pointed at another origin.
func TestTheNodeClient(t *testing.T) {
	client := sandboxtest.FindNode(t, "dynamics-web-api")
	w := newWorld(t)
	var got struct{ Created, Listed, Batched, Changes int }
	client.Check(t, &got, "SANDBOX_URL="+w.srv.URL, "SANDBOX_TOKEN="+w.token)
	if got.Created != 3 || got.Listed != 3 || got.Batched != 3 || got.Changes != 4 {
		t.Errorf("got %+v", got)
	}
}
