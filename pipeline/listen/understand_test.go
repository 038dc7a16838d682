package listen

import "testing"

func TestNormalise(t *testing.T) {
	for text, want := range map[string]string{
		"The red cup, on the left.":        "the red cup on the left",
		"  ":                               "",
		"...":                              "",
		"The man’s hat!":                   "the man's hat",
		"the dogs' bowl":                   "the dogs' bowl",
		"A T-shirt — the white one":        "a t-shirt the white one",
		"The 2nd car from the right":       "the second car from the right",
		"3 people and 1 dog":               "three people and one dog",
		"the player with number seven":     "the player with number 7",
		"the player with number 23":        "the player with number 23",
		"the 1980s radio":                  "the 1980s radio",
		"[music] (laughs) the cup <noise>": "the cup",
		"\"The cup\"":                      "the cup",
		"the café’s door":                  "the café's door",
		"the cup at ten o'clock":           "the cup at ten o'clock",
		"the unclosed (bracket":            "the unclosed",
		"50% of the cake":                  "50 of the cake",
	} {
		if got := Normalise(text); got != want {
			t.Errorf("Normalise(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestUnderstandPhrases(t *testing.T) {
	for text, want := range map[string]string{
		"The red cup.":                                            "the red cup",
		"uh show me the um red cup please":                        "the red cup",
		"Uh, show me the, um, red cup, please.":                   "the red cup",
		"Point at the red cup on the left.":                       "the red cup on the left",
		"Okay, now point to the man in the blue shirt.":           "the man in the blue shirt",
		"Can you please show me the dog?":                         "the dog",
		"Could you find the second car from the right, thank you": "the second car from the right",
		"Hey, where is the cat?":                                  "the cat",
		"where's the cat":                                         "the cat",
		"Show me where the dog is.":                               "the dog",
		"Can you tell me where the dog is now?":                   "the dog",
		"I'm looking for the black bag.":                          "the black bag",
		"Is there a bicycle?":                                     "a bicycle",
		"I'd like you to track the white van":                     "the white van",
		"Now the person on the right.":                            "the person on the right",
		"What about the other dog?":                               "the other dog",
		"It's the tall one.":                                      "the tall one",
		"track the red car":                                       "the red car",
		"No, the blue one.":                                       "the blue one",
		"Right, the dog.":                                         "the dog",
		"Please find me, uh, the remote control":                  "the remote control",
		"the, like, red cup":                                      "the red cup",
		"Point at her.":                                           "her",
		"point at":                                                "",
		"okay show me, please":                                    "",
		// said twice, broken off
		"the the red cup":             "the red cup",
		"the re- the red cup":         "the red cup",
		"the red the red cup":         "the red cup",
		"the cup on the on the left":  "the cup on the left",
		"the very very big dog":       "the very big dog",
		"Show me show me the red cup": "the red cup",
		// taken back
		"the red no the blue cup":                        "the blue cup",
		"the red cup, no, blue cup":                      "blue cup",
		"The man on the left, sorry, on the right.":      "on the right",
		"the red cup I mean the green cup":               "the green cup",
		"the dog, no wait, the cat":                      "the cat",
		"show me the dog actually show me the cat":       "the cat",
		"the dog. Show me the cat. Show me the red cup.": "the red cup",
		"the man with his finger to point at":            "the man with his finger to point at",
		"show me the dog no the cat no the bird please":  "the bird",
		// a phrase's own words stay
		"the point of the knife":                 "the point of the knife",
		"point of the knife":                     "point of the knife",
		"the man who is pointing at the dog":     "the man who is pointing at the dog",
		"the stop sign":                          "the stop sign",
		"stop sign":                              "stop sign",
		"clear glass":                            "clear glass",
		"the clear bottle next to the cup":       "the clear bottle next to the cup",
		"the next car":                           "the next car",
		"the other one on the left":              "the other one on the left",
		"box on the left":                        "box on the left",
		"track on the ground":                    "track on the ground",
		"watch on his wrist":                     "watch on his wrist",
		"right hand":                             "right hand",
		"right person":                           "right person",
		"well in the garden":                     "well in the garden",
		"no parking sign":                        "no parking sign",
		"a man with no hat":                      "a man with no hat",
		"the sign that says no parking":          "the sign that says no parking",
		"the thing that looks like a fish":       "the thing that looks like a fish",
		"something like a table":                 "something like a table",
		"the man next to the man":                "the man next to the man",
		"dog next to dog next to cat":            "dog next to dog next to cat",
		"the cup that is not on the table":       "the cup that is not on the table",
		"the shop window":                        "the shop window",
		"the show horse":                         "the show horse",
		"the person you see on the left":         "the person you see on the left",
		"the place where the cat is":             "the place where the cat is",
		"where the cat is":                       "the cat",
		"the one who holds the phone":            "the one who holds the phone",
		"a rather big dog":                       "a rather big dog",
		"the hold of the ship":                   "the hold of the ship",
		"the thank you card":                     "the thank you card",
		"the women in a sari, wait staff":        "the women in a sari wait staff",
		"the man with a cup of tea on the right": "the man with a cup of tea on the right",
		"oh the dog":                             "the dog",
		"the umbrella":                           "the umbrella",
		"err on the left":                        "err on the left",
	} {
		m := English.Understand(text, PushToTalk)
		if m.Phrase != want || m.Command != "" || (m.Why == "") != (want != "") {
			t.Errorf("%q is understood as %+v, want %q", text, m, want)
		}
		if again := English.Understand(m.Phrase, PushToTalk); want != "" && want != "her" && again.Phrase != want {
			t.Errorf("%q is understood as %q and that as %+v", text, m.Phrase, again)
		}
	}
}

func TestUnderstandCommands(t *testing.T) {
	for text, want := range map[string]Command{
		"Stop.":                     Stop,
		"stop it, please":           Stop,
		"um, okay, stop":            Stop,
		"Clear!":                    Clear,
		"Never mind.":               Clear,
		"The other one.":            Other,
		"No, the other one.":        Other,
		"no not that one":           Other,
		"show me the other one":     Other,
		"Next!":                     Other,
		"next please":               Other,
		"Hold.":                     Hold,
		"hold it there":             "",
		"hold, hold":                Hold,
		"Go on.":                    GoOn,
		"the other one with a hat":  "",
		"stop sign":                 "",
		"clear the table":           "",
		"next to the dog":           "",
		"hold the cup":              "",
		"the man who says stop":     "",
		"don't stop":                "",
		"can you stop looking now?": Stop,
	} {
		for _, m := range []Mode{PushToTalk, Always, Wake} {
			if got := English.Understand(text, m); got.Command != want {
				t.Errorf("%q in mode %s is understood as %+v, want command %q", text, m, got, want)
			}
		}
	}
}

func TestUnderstandNothing(t *testing.T) {
	for text, why := range map[string]string{
		"": NoWords, ".": NoWords, "[music]": NoWords, "?!": NoWords,
		"uh": NoThing, "You": NoThing, "you.": NoThing, "I.e. I.e.": NoThing, "Thank you.": NoThing, "oh no": NoThing, "I am.": NoThing,
		"the": NoThing, "the one": NoThing, "yes": NoThing, "what is it": NoThing, "please": NoThing, "hello": NoThing,
	} {
		for _, m := range []Mode{PushToTalk, Always} {
			if got := English.Understand(text, m); got != (Meaning{Why: why}) {
				t.Errorf("%q in mode %s is understood as %+v, want nothing, because %s", text, m, got, why)
			}
		}
	}
}

func TestTalkIsNoPhrase(t *testing.T) {
	for _, text := range []string{
		"I think we should go now", "it's raining and I don't have an umbrella", "well, let's go to the other room",
		"That's what you said.", "and then we went to the shop",
	} {
		if m := English.Understand(text, Always); m.Phrase != "" {
			t.Errorf("%q, said by the way, is understood as %+v", text, m)
		}
	}
	for text, want := range map[string]string{
		"I want to see the red cup": "the red cup", "Can you find the dog?": "the dog", "It's the tall one": "the tall one", "the third man from the left": "the third man from the left",
	} {
		if m := English.Understand(text, Always); m.Phrase != want {
			t.Errorf("%q is understood as %+v, want %q", text, m, want)
		}
	}
}

func TestWake(t *testing.T) {
	lex := English
	lex.Wake = append([]string{"computer", "hey robot"}, English.Wake...)
	for text, want := range map[string]string{
		"Point at the red cup.":              "the red cup",
		"Uh, okay, show me the dog, please.": "the dog",
		"can you show me the dog":            "the dog",
		"please point to the left one":       "the left one",
		"Show my the red cup":                "the red cup", // misheard
		"Paint at the red cup":               "the red cup",
		"Pointed the red cup":                "the red cup",
		"Point that the red cup":             "the red cup",
		"Computer, the red cup.":             "the red cup",
		"Computer, show me the red cup":      "the red cup",
		"compute the red cup":                "the red cup",
		"Hey robot, where is the dog?":       "the dog",
		"hey robert the dog":                 "the dog",
		"The red cup.":                       "",
		"the point of the knife":             "",
		"I will show him the dog":            "",
		"home is where the heart is":         "",
		"you should look at the dog":         "",
		"snow":                               "",
		"show the dog":                       "",
		"joint at the red cup":               "", // a first letter heard wrong is another word
		"hoint at the red cup":               "",
		"point":                              "",
		"show me":                            "",
		"":                                   "",
	} {
		if m := lex.Understand(text, Wake); m.Phrase != want || m.Command != "" {
			t.Errorf("%q is understood as %+v, want %q", text, m, want)
		}
	}
	if m := lex.Understand("the red cup", Wake); m.Why != NoWake {
		t.Errorf("why is %q", m.Why)
	}
	if m := lex.Understand("point at the other one", Wake); m.Command != Other {
		t.Errorf("a command after a wake phrase is understood as %+v", m)
	}
	for _, text := range []string{"Show me.", "Okay, point at, uh, please", "computer", "Point at the."} {
		if m := lex.Understand(text, Wake); m.Why != NoThing { // a Line waits for its name then
			t.Errorf("%q is understood as %+v", text, m)
		}
	}
	lex.Wake = nil
	if m := lex.Understand("point at the dog", Wake); m.Phrase != "" {
		t.Errorf("without wake phrases %+v is understood", m)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"showme", "showmy", 1}, {"pointat", "pointed", 2}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	for _, s := range []string{"show me the um red cup", "no, the", "— ’s", "the the the", "point at", "İ 1st 2nd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range []Mode{PushToTalk, Always, Wake} {
			got := English.Understand(text, m)
			n := 0
			for _, said := range []string{got.Phrase, string(got.Command), got.Why} {
				if said != "" {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%q is understood as %+v", text, got)
			}
		}
	})
}
