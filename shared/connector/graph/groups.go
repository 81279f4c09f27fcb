package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/connector"
)

// markProperty is where a folder that Meibo made keeps its mark. Users do not see it.
const markProperty = "String {6d656962-6f20-4d61-8b20-666f6c646572} Name MeiboFolder"

// Groups lists the contact folders, the default one first, and the categories that contacts carry. The list of all categories that a
// mailbox knows would take a permission of its own, so that the contacts are asked, 1,000 a call.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	all, err := c.folders(ctx, "")
	if err != nil {
		return nil, err
	}
	if all[0].Name, err = c.defaultName(ctx, all); err != nil {
		return nil, err
	}
	var groups []connector.Group
	categories := map[string]*connector.Group{}
	for _, f := range all {
		groups = append(groups, connector.Group{ID: folderPrefix + f.ID, Name: f.Name, Writable: true, Members: -1})
		if err := c.categories(ctx, f.ID, categories); err != nil {
			return nil, err
		}
	}
	var carried []connector.Group
	for _, g := range categories {
		carried = append(carried, *g)
	}
	slices.SortFunc(carried, func(a, b connector.Group) int { return strings.Compare(a.ID, b.ID) })
	return append(groups, carried...), nil
}

// defaultName is what the account's owner sees the default folder called.
func (c *Connector) defaultName(ctx context.Context, all []folder) (string, error) {
	const unnamed = "Contacts"
	id, err := c.defaultID(ctx, all)
	if err != nil || !isID(id) {
		return unnamed, err
	}
	r, err := c.built(c.me.ContactFolders().ByContactFolderId(id).ToGetRequestInformation(ctx, nil))
	if err != nil {
		return "", err
	}
	c.walked++
	a, err := c.call(ctx, r, reading)
	var f folder
	switch {
	case isNotFound(err):
		return unnamed, nil
	case err != nil:
		return "", err
	case json.Unmarshal(a.body, &f) != nil || f.Name == "":
		return unnamed, nil
	}
	return f.Name, nil
}

// categories counts the categories of a folder's contacts. Two names that differ in case only are one category.
func (c *Connector) categories(ctx context.Context, id string, counts map[string]*connector.Group) error {
	choose := []string{"categories"}
	r, err := c.built(c.me.Contacts().ToGetRequestInformation(ctx, &users.ItemContactsRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemContactsRequestBuilderGetQueryParameters{Top: number(listSize), Select: choose},
	}))
	if id != defaultFolder {
		r, err = c.built(c.me.ContactFolders().ByContactFolderId(id).Contacts().ToGetRequestInformation(ctx, &users.ItemContactFoldersItemContactsRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemContactFoldersItemContactsRequestBuilderGetQueryParameters{Top: number(listSize), Select: choose},
		}))
	}
	if err != nil {
		return err
	}
	err = c.pages(ctx, r, answer{}, func(value json.RawMessage) error {
		var all []contact
		if err := json.Unmarshal(value, &all); err != nil {
			return err
		}
		for _, it := range all {
			for _, name := range it.texts("categories") {
				key := strings.ToLower(name)
				if counts[key] == nil {
					counts[key] = &connector.Group{ID: categoryPrefix + name, Name: name, Writable: true}
				}
				counts[key].Members++
			}
		}
		return nil
	})
	if isNotFound(err) {
		return nil // the folder was deleted meanwhile
	}
	return err
}

// MakeGroup implements connector.GroupMaker. The mark is kept as an extended property of the folder, so that the folder is found again
// under whatever name a person gave it. Where a folder that nobody can see holds the name, another one is tried.
func (c *Connector) MakeGroup(ctx context.Context, name, mark string) (connector.Group, error) {
	found, err := c.marked(ctx, name, mark)
	if err != nil || found.ID != "" {
		return found, err
	}
	for _, try := range []string{name, name + " (Meibo)", name + " (Meibo 2)"} {
		made, err := c.makeFolder(ctx, try, mark)
		if err == nil {
			return made, nil
		}
		if !errors.Is(err, errNameTaken) {
			return connector.Group{}, err
		}
		if found, err := c.marked(ctx, try, mark); err != nil || found.ID != "" {
			return found, err
		}
	}
	return connector.Group{}, &connector.InvalidError{System: System, Field: "folder", Reason: "the name is taken; empty Deleted Items in Outlook, or rename the folder that has it"}
}

// marked looks for the folder with the mark. *DuplicateError: another one has the name.
func (c *Connector) marked(ctx context.Context, name, mark string) (connector.Group, error) {
	all, err := c.folders(ctx, "singleValueExtendedProperties($filter=id eq '"+markProperty+"')")
	if err != nil {
		return connector.Group{}, err
	}
	for _, f := range all {
		for _, p := range f.Props {
			if strings.EqualFold(p.ID, markProperty) && p.Value == mark {
				return group(f), nil
			}
		}
	}
	for _, f := range all[1:] {
		if strings.EqualFold(f.Name, name) {
			return connector.Group{}, &connector.DuplicateError{System: System, ID: folderPrefix + f.ID, Field: "name"}
		}
	}
	return connector.Group{}, nil
}

func group(f folder) connector.Group {
	return connector.Group{ID: folderPrefix + f.ID, Name: f.Name, Writable: true, Members: -1}
}

// errNameTaken is for makeFolder's caller only.
var errNameTaken = fmt.Errorf("%s: a folder has the name", System)

func (c *Connector) makeFolder(ctx context.Context, name, mark string) (connector.Group, error) {
	f, p, id := models.NewContactFolder(), models.NewSingleValueLegacyExtendedProperty(), markProperty
	f.SetDisplayName(&name)
	p.SetId(&id)
	p.SetValue(&mark)
	f.SetSingleValueExtendedProperties([]models.SingleValueLegacyExtendedPropertyable{p})
	r, err := c.built(c.me.ContactFolders().ToPostRequestInformation(ctx, f, nil))
	if err != nil {
		return connector.Group{}, err
	}
	if err := c.pace.Take(ctx, cost(1, len(r.body))...); err != nil {
		return connector.Group{}, err
	}
	a := c.send(ctx, r, writing)
	if e, _ := readError(a.body); a.err == nil && a.status >= 400 && e.is("ErrorFolderExists") { // with 409 or 400 (sheet 7)
		return connector.Group{}, errNameTaken
	}
	if err := c.outcome(a, writing); err != nil {
		return connector.Group{}, err
	}
	var made folder
	if json.Unmarshal(a.body, &made) != nil || !isID(made.ID) {
		return connector.Group{}, unsure(writing, System+" did not return the new folder")
	}
	if made.Name == "" {
		made.Name = name
	}
	return group(made), nil
}

// RemoveGroup implements connector.GroupMaker. The contacts of a folder go with it; the default folder stays.
func (c *Connector) RemoveGroup(ctx context.Context, id string) error {
	name, ok := strings.CutPrefix(id, folderPrefix)
	if !ok || name == defaultFolder || !isID(name) {
		return &connector.InvalidError{System: System, Field: "folder", Reason: "only a folder that was made can be removed"}
	}
	r, err := c.built(c.me.ContactFolders().ByContactFolderId(name).ToDeleteRequestInformation(ctx, nil))
	if err != nil {
		return err
	}
	if _, err = c.call(ctx, r, writing); isNotFound(err) {
		return nil
	}
	return err
}
