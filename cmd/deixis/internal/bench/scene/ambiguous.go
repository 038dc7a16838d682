package scene

import "time"

// The other one in Ambiguous, which looks like Target.
const twin = "its twin"

// pillar hides what is behind it.
func pillar(x float64) Actor {
	return Actor{W: 130, H: 480, Look: 5, At: func(float64) Place { return Place{x, 240, 1} }}
}

// like is an actor of the target's look.
func like(phrase string, at func(t float64) Place) Actor {
	a := target(at)
	a.Phrase, a.W, a.H = phrase, 90, 120
	return a
}

// still stands at x, y.
func still(x, y float64) func(float64) Place {
	return func(float64) Place { return Place{x, y, 1} }
}

// Ambiguous are scenes in which it must be told apart what is meant, with a
// network that has doubts.
func Ambiguous() []*Scene {
	const long = 8 * time.Second
	return []*Scene{
		{Name: "two alike", Long: long, Doubt: 0.12, Twin: 0.62, Actors: []Actor{
			like(twin, still(440, 250)), like(Target, func(t float64) Place { return Place{180 + 30*wave(t, 5), 240, 1} }),
		}},
		{Name: "twins cross", Long: long, Doubt: 0.12, Twin: 0.55, Actors: []Actor{
			like(twin, func(t float64) Place { return Place{320 + 220*wave(t-2, 8), 300, 1} }),
			like(Target, func(t float64) Place { return Place{320 - 220*wave(t-2, 8), 200, 1} }),
		}},
		{Name: "blinks", Long: long, Doubt: 0.15, Blink: 0.15, Actors: []Actor{
			like(Target, func(t float64) Place { return Place{320 + 200*wave(t, 6), 240, 1} }),
		}},
		{Name: "behind a pillar", Long: long, Doubt: 0.08, Actors: []Actor{
			like(Target, func(t float64) Place { return Place{320 + 240*wave(t-1.5, 6), 240, 1} }), pillar(320),
		}},
		{Name: "leaves and returns", Long: long, Doubt: 0.08, Actors: []Actor{
			like(Target, func(t float64) Place { return Place{320 + 500*wave(t, 8), 240, 1} }),
		}},
		{Name: "another is meant", Long: long, Doubt: 0.08, Twin: 0.3, Meant: func(t float64) string {
			if int(t/2)%2 == 0 {
				return Target
			}
			return twin
		}, Actors: []Actor{like(Target, still(180, 240)), like(twin, still(450, 240))}},
	}
}
