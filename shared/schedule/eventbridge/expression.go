package eventbridge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// name returns a schedule's name, of at most 64 letters, digits, hyphens, underscores and dots: what a person can recognise, and
// a digest that keeps different ids apart.
func name(kind, id string) string {
	const readable = 24
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, id)
	sum := sha256.Sum256([]byte(id))
	return kind + "-" + clean[:min(len(clean), readable)] + "-" + hex.EncodeToString(sum[:16])
}

// rate returns the expression for an interval of whole minutes, in its largest unit.
func rate(every time.Duration) string {
	n, unit := int(every/time.Minute), "minute"
	switch {
	case n%(24*60) == 0:
		n, unit = n/(24*60), "day"
	case n%60 == 0:
		n, unit = n/60, "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("rate(%d %s)", n, unit)
}

// window lets the service choose the moment within a quarter of the interval, up to 15 minutes.
func window(every time.Duration) *types.FlexibleTimeWindow {
	minutes := int32(min(every/4, 15*time.Minute) / time.Minute)
	if minutes < 1 {
		return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}
	}
	return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(minutes)}
}
