package pipedrive

import "meibo/shared/connector"

// OptionVisibility is the choice of who may see the people, and the organizations, that Meibo adds (PD10).
const OptionVisibility = "visibility"

// The values of the choice. They name what is meant and not the vendor's number, which means "everyone" on one plan and "my group"
// on another.
const (
	seeDefault   = ""
	seeOwner     = "owner"
	seeGroup     = "group"
	seeSubgroups = "subgroups"
	seeEveryone  = "everyone"
)

// plan is what kind of visibility a company's plan has.
type plan int

const (
	planUnknown plan = iota
	planSmall        // Lite, Growth
	planLarge        // Premium, Ultimate
)

// burstPlans are the documented burst limits of OAuth clients, which differ by plan.
var burstPlans = map[int]plan{80: planSmall, 160: planSmall, 400: planLarge, 480: planLarge}

// levels are the choices of each plan, with the vendor's numbers. Of an unknown plan, only the most private number means the same on all.
var levels = map[plan][]struct {
	value, name string
	number      int
}{
	planUnknown: {{seeOwner, "Owner only (on smaller plans also followers)", 1}},
	planSmall:   {{seeOwner, "Owner and followers", 1}, {seeEveryone, "Everyone in the company", 3}},
	planLarge: {{seeOwner, "Owner only", 1}, {seeGroup, "Owner's visibility group", 3},
		{seeSubgroups, "Owner's visibility group and sub-groups", 5}, {seeEveryone, "Everyone in the company", 7}},
}

// plan tells the company's kind of plan: by the levels that the field catalogue lists, else by the burst limit that answers name.
func (c *Connector) plan(cat *catalogue) plan {
	seen := map[string]bool{}
	for _, o := range cat.byCode[codeVisibleTo].Options {
		seen[o.id()] = true
	}
	switch {
	case seen["5"] || seen["7"]:
		return planLarge
	case seen["1"] && seen["3"]:
		return planSmall
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return burstPlans[c.burst]
}

func visibilityOption(p plan) connector.Option {
	o := connector.Option{Key: OptionVisibility, Name: "Who can see added people", Default: seeDefault}
	o.Choices = append(o.Choices, connector.Choice{Value: seeDefault, Name: "As Pipedrive is set up for this user"})
	for _, l := range levels[p] {
		o.Choices = append(o.Choices, connector.Choice{Value: l.value, Name: l.name})
	}
	return o
}

// visibleTo is the vendor's number for a choice, 0 for its own default. A choice that the plan no longer has becomes the most private
// one: nobody is shown what was not meant for them.
func (c *Connector) visibleTo(cat *catalogue, choice string) int {
	if choice == seeDefault {
		return 0
	}
	for _, l := range levels[c.plan(cat)] {
		if l.value == choice {
			return l.number
		}
	}
	return 1
}
