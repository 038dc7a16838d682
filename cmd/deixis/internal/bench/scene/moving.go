package scene

import (
	"math"
	"time"
)

// Target is the phrase for what moves in Moving.
const Target = "the target"

// wave goes there and back once a period, -1 to 1.
func wave(t, period float64) float64 { return math.Sin(2 * math.Pi * t / period) }

// target is the actor that Moving is about.
func target(at func(t float64) Place) Actor {
	return Actor{Phrase: Target, W: 110, H: 150, Look: 1, Round: true, At: at}
}

// Moving are scenes of one target that moves as things before cameras do.
func Moving() []*Scene {
	const long = 8 * time.Second
	return []*Scene{
		{Name: "walks", Long: long, Actors: []Actor{target(func(t float64) Place {
			return Place{320 + 220*wave(t, 8), 250 + 6*wave(t, 0.9), 1}
		})}},
		{Name: "swings", Long: long, Actors: []Actor{target(func(t float64) Place {
			return Place{320 + 230*wave(t, 2.5), 240 - 40*wave(t, 1.25), 1}
		})}},
		{Name: "comes near", Long: long, Actors: []Actor{target(func(t float64) Place {
			return Place{300 + 60*wave(t, 5), 250, 1.1 + 0.6*wave(t, 4)}
		})}},
		{Name: "stops and goes", Long: long, Actors: []Actor{target(func(t float64) Place {
			return Place{100 + 110*(math.Floor(t/2)+min(1, 2*(t/2-math.Floor(t/2)))), 220, 0.9}
		})}},
		{Name: "camera pans", Long: long, Pan: func(t float64) (int, int) {
			return int(300 * wave(t, 4)), int(60 * wave(t, 3))
		}, Actors: []Actor{target(func(t float64) Place {
			return Place{320 - math.Trunc(200*wave(t, 4)), 240 - math.Trunc(60*wave(t, 3)), 1}
		})}},
		{Name: "small and quick", Long: long, Actors: []Actor{target(func(t float64) Place {
			return Place{320 + 200*wave(t, 3), 240 + 120*wave(t, 4.2), 0.4}
		})}},
	}
}
