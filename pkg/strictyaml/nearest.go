package strictyaml

// Nearest is the word of list that text may have been meant for, empty for none.
func Nearest(text string, list []string) string {
	best, least := "", max(1, len(text)/3)+1
	for _, word := range list {
		if d := distance(text, word); d < least {
			best, least = word, d
		}
	}
	return best
}

// distance is how many characters have to be put in, left out or changed to get
// from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
