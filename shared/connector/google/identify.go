package google

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/api/googleapi"

	"meibo/shared/connector"
)

// Identify asks OpenID Connect's userinfo endpoint. Google tells no permissions on contacts: whoever has an account may do all.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.cfg.UserinfoURL, nil)
	if err != nil {
		return connector.Identity{}, err
	}
	resp, err := c.cfg.Client.Do(req)
	if err != nil {
		return connector.Identity{}, c.failure(ctx, err, reading)
	}
	defer googleapi.CloseBody(resp)
	if err := googleapi.CheckResponse(resp); err != nil {
		return connector.Identity{}, c.failure(ctx, err, reading)
	}
	var who struct {
		Sub   string `json:"sub"`
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&who); err != nil {
		return connector.Identity{}, c.failure(ctx, err, reading)
	}
	if who.Sub == "" || who.Email == "" {
		return connector.Identity{}, fmt.Errorf("%w: %s did not say whose account it is", connector.ErrTransient, System)
	}
	return connector.Identity{AccountID: who.Sub, Email: who.Email, Name: who.Name}, nil
}
