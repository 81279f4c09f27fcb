package graph

import (
	"context"
	"encoding/json"

	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/connector"
)

// Identify asks for the signed-in user. The account id is the directory's and the user's, as the identity token proved them at consent
// (sheet 2.3); Graph's own id of the user stands in where that is not known. Microsoft tells no permissions on contacts: whoever has a
// mailbox may do all.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	r, err := c.built(c.me.ToGetRequestInformation(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: []string{"id", "displayName", "mail", "userPrincipalName"}},
	}))
	if err != nil {
		return connector.Identity{}, err
	}
	a, err := c.call(ctx, r, reading)
	if err != nil {
		return connector.Identity{}, err
	}
	var who struct {
		ID        string `json:"id"`
		Name      string `json:"displayName"`
		Mail      string `json:"mail"`
		Principal string `json:"userPrincipalName"`
	}
	if json.Unmarshal(a.body, &who) != nil || who.ID == "" {
		return connector.Identity{}, unsure(reading, System+" did not say whose account it is")
	}
	id := connector.Identity{AccountID: who.ID, Email: who.Mail, Name: who.Name}
	if id.Email == "" {
		id.Email = who.Principal
	}
	if tenant, object := c.cfg.Extra[ExtraTenant], c.cfg.Extra[ExtraObject]; tenant != "" && object != "" {
		id.AccountID = tenant + "/" + object
		if !c.personal {
			id.CompanyID = tenant
		}
	}
	if id.Email == "" {
		id.Email = c.cfg.Extra[ExtraSignIn]
	}
	return id, nil
}
