"""What an estate costs a month: at least, expected and at most, part by part, from what is rendered or planned."""
