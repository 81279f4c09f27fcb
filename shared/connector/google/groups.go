package google

import (
	"context"
	"fmt"

	"meibo/shared/connector"
)

const (
	groupPrefix = "contactGroups/"
	myContacts  = groupPrefix + "myContacts"
)

// Groups lists the labels that people make, and "My Contacts". Google's other system groups take no new members or say how a
// contact is shown (starred), and are not offered. An empty scope means every contact.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	groups, token := []connector.Group{}, ""
	for {
		if err := c.pace.Take(ctx, costGroups...); err != nil {
			return nil, err
		}
		call := c.people.ContactGroups.List().PageSize(groupsSize)
		if token != "" {
			call.PageToken(token)
		}
		resp, err := call.Context(ctx).Do()
		if err != nil {
			return nil, c.failure(ctx, err, reading)
		}
		for _, g := range resp.ContactGroups {
			if g == nil || g.Metadata != nil && g.Metadata.Deleted || g.GroupType != "USER_CONTACT_GROUP" && g.ResourceName != myContacts {
				continue
			}
			name := g.FormattedName
			if name == "" {
				name = g.Name
			}
			groups = append(groups, connector.Group{ID: g.ResourceName, Name: name, Writable: true, Members: int(g.MemberCount)})
		}
		if resp.NextPageToken == token && token != "" {
			return nil, fmt.Errorf("%w: %s answered with a page that points to itself", connector.ErrTransient, System)
		}
		if token = resp.NextPageToken; token == "" {
			return groups, nil
		}
	}
}
