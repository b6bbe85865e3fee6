"""Names of people who do not exist, written for the demo: common given and family names, mixed by chance."""

GIVEN_FEMALE = ["Ada", "Alma", "Amara", "Anita", "Bea", "Carol", "Clara", "Dalia", "Delia", "Edith", "Elena",
"Esther", "Fern", "Gia", "Gloria", "Greta", "Hana", "Ida", "Imani", "Ines", "Iris", "June", "Kira", "Laila", "Leonor",
"Lucille", "Mae", "Marta", "Mei", "Nadia", "Nell", "Noor", "Olive", "Paloma", "Pearl", "Priya", "Ruth", "Selma",
"Sofia", "Tessa", "Vera", "Wanda", "Yara", "Zoe"]
GIVEN_MALE = ["Abel", "Ade", "Amos", "Andres", "Arlo", "Basil",
"Ben", "Bernard", "Caleb", "Cyrus", "Dario", "Desmond", "Elias", "Emil", "Ezra", "Felix", "Gus", "Hector", "Hugh",
"Ivan", "Jonas", "Jules", "Kofi", "Leo", "Lars", "Luis", "Malik", "Mateo", "Milo", "Nico", "Omar", "Otis", "Owen",
"Pablo", "Quentin", "Rafael", "Ravi", "Reuben", "Sam", "Silas", "Theo", "Tomasz", "Victor", "Walter"]
FAMILY =
["Abara", "Achterberg", "Alvarez", "Anders", "Bankole", "Barnard", "Beltran", "Brandt", "Calloway", "Castillo",
"Chandra", "Delgado", "Dunne", "Ekholm", "Farrow", "Fontaine", "Gallo", "Garrity", "Haddad", "Halvorsen", "Ibarra",
"Ingram", "Jansen", "Kaplan", "Keller", "Kowal", "Lindqvist", "Lowell", "Marchetti", "Mendoza", "Moreau", "Nair",
"Novak", "Nye", "Okoro", "Olsen", "Ortega", "Pike", "Prado", "Quiles", "Quintero", "Rahman", "Reyes", "Romano",
"Salazar", "Sato", "Solano", "Sorensen", "Tarr", "Tanaka", "Ueda", "Vargas", "Vance", "Wexler", "Whitman", "Wrona",
"Yilmaz", "Zamora", "Zielinski", "Dvorak"]
STREETS = ["Quay", "Harbor", "Alder", "Birch", "Cedar", "Dogwood", "Elm",
"Foundry", "Granary", "Hill", "Juniper", "Kiln", "Lantern", "Mill", "Orchard", "Pier"]
AREA_CODES = {
    "America/Los_Angeles": ("415", "510", "925", "408", "707", "831"),
    "America/Denver": ("303", "720", "970", "719"),
    "America/Chicago": ("312", "773", "847", "630"),
}
