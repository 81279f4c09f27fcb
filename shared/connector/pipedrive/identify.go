package pipedrive

import (
	"context"
	"strings"

	"meibo/shared/connector"
)

// user is the calling user.
type user struct {
	ID      num    `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Company num    `json:"company_id"`
	Called  string `json:"company_name"`
	Country string `json:"company_country"`
}

func (c *Connector) user(ctx context.Context) (user, error) {
	var u user
	if _, _, err := c.ask(ctx, request{path: v1 + "/users/me"}, &u); err != nil {
		return user{}, err
	}
	if u.ID == 0 || u.Company == 0 {
		return user{}, unsure(false, "it did not say who the user is")
	}
	return u, nil
}

// Identify tells who the account's user is: one call. The account id is the company's and the user's, since a person may use several
// companies. What the user may do with people is not known: no call of the API says it, and a refused write teaches it.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	u, err := c.user(ctx)
	if err != nil {
		return connector.Identity{}, err
	}
	id := connector.Identity{
		AccountID: u.Company.String() + ":" + u.ID.String(),
		Email:     u.Email, Name: u.Name,
		CompanyID: u.Company.String(), Company: u.Called,
	}
	if len(u.Country) == 2 {
		id.Region = strings.ToUpper(u.Country)
	}
	return id, nil
}
