package listen

// A Command is something to do with what is looked for.
type Command string

// The commands.
const (
	Stop  Command = "stop"  // look no more, until the next phrase or GoOn
	Clear Command = "clear" // forget all phrases
	Other Command = "other" // not that one: the next best
	Hold  Command = "hold"  // stay on what is locked, whatever comes
	GoOn  Command = "go on" // end of Stop and Hold

	Confirm Command = "confirm" // that one: the target proposed to a robot is the one meant
)

// A Lexicon is what a language says around a phrase. All in lower case.
type Lexicon struct {
	Wake     []string             // what an utterance must begin with when it is waited for
	Commands map[Command][]string // exact utterances

	Fillers  []string // taken out anywhere
	Asides   []string // taken out between two pauses: ", like,"
	Openers  []string // taken off the start, again and again
	Guarded  []string // as Openers, but only before a Determiner, a carrier or a pause
	Carriers []string // "show me": what asks, and is no part of the thing
	Verbs    []string // carriers that are nouns, too: only before a Determiner
	Where    []string // carriers after which a verb may end the phrase: "show me where the dog is"
	Is       []string // that verb
	Closers  []string // taken off the end
	Amends   []string // "i mean": what follows replaces what went before, after a pause or before a Determiner
	Denials  []string // the same between two pauses or before a Determiner: "no"

	Determiners []string // what a thing's name may begin with
	Stutters    []string // besides them, what two repeated words may begin with
	Empty       []string // words that name nothing by themselves
	Talk        []string // words of people who talk to each other: with one of them an utterance that nobody waited for names no thing
	Pronouns    []string // words that name a thing only where one was asked for: "point at her"
}

// English is the lexicon of the recogniser that comes with the program.
var English = Lexicon{
	Wake: []string{"point at", "point to", "show me"},
	Commands: map[Command][]string{
		Stop:  {"stop", "stop it", "stop that", "stop looking", "stop pointing"},
		Clear: {"clear", "clear it", "clear that", "clear all", "clear everything", "forget it", "never mind", "nevermind"},
		Other: {
			"the other one", "other one", "another one", "the other", "not that one", "not this one", "wrong one", "the wrong one",
			"no the other one", "no not that one", "not that one the other one", "next", "next one", "the next one", "the next",
		},
		Hold:    {"hold", "hold it", "hold that", "hold on", "hold still", "stay", "stay there", "stay on it", "freeze"},
		Confirm: {"confirm", "confirmed", "confirm it", "confirm that", "that's the one", "that is the one", "yes that one", "that's it"},
		GoOn:    {"go on", "continue", "carry on", "resume", "let go", "release", "start"},
	},
	Fillers: []string{"uh", "uhh", "uhm", "um", "umm", "er", "erm", "hm", "hmm", "mm", "mmm", "ah", "eh", "oh", "huh", "you know"},
	Asides:  []string{"like", "well", "so", "right", "i mean", "say", "let's say", "let's see", "what's it called", "please", "actually"},
	Openers: []string{
		"please", "hey", "hi", "hello", "okay", "ok", "alright", "all right", "now", "and", "then", "just", "yes", "yeah", "actually",
		"excuse me", "thanks", "thank you",
	},
	Guarded: []string{"so", "well", "right", "no", "but", "maybe", "good", "great", "sorry", "wait", "hold on", "i mean", "let's see", "look", "listen"},
	Carriers: []string{
		"show me", "show us", "point at", "point to", "point out", "find", "find me", "look at", "look for", "search for", "focus on",
		"go to", "go for", "switch to", "change to", "jump to", "zoom in on", "zoom on", "give me", "get me", "tell me",
		"locate", "select", "highlight", "follow", "detect", "identify", "keep an eye on", "lock on", "lock onto", "lock on to", "aim at", "aim for",
		"can you", "could you", "would you", "will you", "can you see", "do you see", "did you see", "can we see", "can you find",
		"could you find", "do you have", "i want", "i want you to", "i'd like you to", "i would like you to", "i need", "i need you to",
		"i'd like", "i would like", "i'd like to see", "i want to see", "i am looking for", "i'm looking for", "i'm searching for", "i mean",
		"i said", "i meant", "we need", "let me see", "let's find", "let's look at", "let's look for", "let's see", "try", "try to find",
		"what about", "how about", "is there", "are there", "is that", "is this", "there is", "there's", "there are", "it is", "it's", "this is", "that is", "that's",
	},
	Verbs: []string{"point", "show", "track", "box", "mark", "pick", "watch", "get", "take", "see", "want", "spot", "target", "pinpoint"},
	Where: []string{
		"where", "where is", "where's", "where are", "show me where", "show us where", "point to where", "point at where", "find out where",
		"tell me where", "tell us where", "can you tell me where", "could you tell me where", "do you know where", "do you see where", "can you see where",
	},
	Is:      []string{"is", "are", "is now", "are now"},
	Closers: []string{"please", "thanks", "thank you", "thank you very much", "now", "okay", "ok", "for me", "if you can", "would you", "will you", "you know", "actually", "i mean", "i think", "or something"},
	Amends:  []string{"i mean", "i meant", "scratch that", "or rather", "no wait", "no sorry", "sorry no", "wait no", "oh no", "sorry i mean", "no i mean"},
	Denials: []string{"no", "sorry", "wait", "actually", "rather", "or no"},
	Determiners: []string{
		"the", "a", "an", "that", "this", "those", "these", "his", "her", "its", "their", "my", "your", "our", "some", "any", "every", "each",
	},
	Stutters: []string{"in", "on", "at", "to", "of", "with", "by", "from", "behind", "under", "near", "next", "left"},
	Empty: []string{
		"a", "an", "the", "some", "any", "one", "every", "each", "i", "he", "she", "we", "they",
		"my", "your", "his", "its", "our", "their", "is", "are", "was", "were", "be", "am", "do", "does", "did", "have", "has", "had",
		"yes", "yeah", "no", "not", "oh", "okay", "ok", "so", "and", "or", "but", "if", "of", "to", "in", "on", "at", "for", "with", "by",
		"what", "who", "why", "how", "when", "where", "which", "bye", "hello", "hi", "hey", "thanks", "thank", "please", "well", "just",
		"i'm", "it's", "that's", "you're", "there", "here", "then", "now", "very", "really", "too",
	},
	Talk: []string{
		"i", "i'm", "i've", "i'll", "i'd", "we", "we're", "we've", "we'll", "you", "you're", "you've", "you'll", "let's",
		"don't", "didn't", "can't", "won't", "wouldn't", "couldn't", "shouldn't", "gonna", "yeah", "okay", "think", "what's",
	},
	Pronouns: []string{"me", "us", "you", "him", "her", "them", "it", "this", "that", "these", "those"},
}
