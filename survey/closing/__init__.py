"""How to close an open server, by the program that it is: data for letters and the site."""
